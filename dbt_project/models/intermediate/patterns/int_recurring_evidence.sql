{{ config(materialized='view') }}

-- What speaks for and against each series, as numbers; how much each weighs is in the seed
-- recurring_calibration.
with payments as (
    select * from {{ ref('int_recurring_payments') }}
),

series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

stepped as (
    select
        series_key,
        amount,
        lag(amount) over (partition by series_key order by position) as amount_before
    from payments
),

alike as (
    select
        series_key,
        coalesce(avg(
            (abs(amount - amount_before) <= 0.004 * abs(amount_before))::integer
        ), 0) as share
    from stepped
    group by series_key
),

figures as (
    select
        series.pattern_key,
        series.series_key,
        series.frequency,
        series.direction,
        series.occurrences,
        ln(series.occurrences) as repeats,
        series.exact_count::numeric / series.tried_count as on_the_day,
        least(series.mean_days_off / cadences.tolerance, 2) as days_off,
        alike.share as same_amount,
        least(series.amount_variation, 0.6) as amount_variation,
        least(series.occurrences::numeric / series.merchant_payments, 1) as share_of_merchant,
        least(
            series.occurrences
            / (
                1 + (series.last_date - series.first_date)
                / case when series.unit = 'month' then 30.44 * series.period else series.period end
            ),
            1
        ) as periods_filled
    from series
    inner join alike on series.series_key = alike.series_key
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
)

select
    figures.pattern_key,
    figures.series_key,
    terms.term,
    terms.value::double precision as value
from figures
cross join
    lateral (
        values
        ('constant', 1),
        ('repeats', figures.repeats),
        ('is_pair', (figures.occurrences = 2)::integer),
        ('is_triple', (figures.occurrences = 3)::integer),
        ('on_the_day', figures.on_the_day),
        ('days_off', figures.days_off),
        ('same_amount', figures.same_amount),
        ('amount_variation', figures.amount_variation),
        ('share_of_merchant', figures.share_of_merchant),
        ('same_amount_of_merchant', figures.same_amount * figures.share_of_merchant),
        ('periods_filled', figures.periods_filled),
        ('is_weekly', (figures.frequency = 'weekly')::integer),
        ('is_of_weeks', (figures.frequency in ('fortnightly', 'four_weekly'))::integer),
        (
            'is_of_many_months',
            (figures.frequency in ('bimonthly', 'quarterly', 'semiannual'))::integer
        ),
        ('is_annual', (figures.frequency = 'annual')::integer),
        ('is_income', (figures.direction = 'income')::integer)
    ) as terms (term, value)
