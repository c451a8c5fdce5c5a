{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- What each series says about itself. Its key is made of whose it is and of an ordinal by the day
-- of its second payment, which neither a new payment nor a new price moves.
with series as (
    select * from {{ ref('int_recurring_series') }}
),

candidates as (
    select * from {{ ref('int_recurring_candidates') }}
),

habits as (
    select
        account_id,
        count(*) >= 20
        and count(*) filter (where extract(isodow from booking_date) >= 6) < 0.01 * count(*)
            as is_never_on_weekend
    from candidates
    group by account_id
),

members as (
    select
        series.*,
        candidates.user_id,
        candidates.account_id,
        candidates.merchant_id,
        candidates.merchant_name,
        candidates.direction,
        candidates.currency,
        cadences.period,
        row_number() over (
            partition by series.series_key order by series.booking_date, series.transaction_id
        ) as position,
        row_number() over (
            partition by series.series_key
            order by series.booking_date desc, series.transaction_id desc
        ) as age
    from series
    inner join candidates on series.transaction_id = candidates.transaction_id
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
),

figures as (
    select
        series_key,
        user_id,
        account_id,
        direction,
        currency,
        frequency,
        nominal_day,
        (array_agg(merchant_id order by age))[1] as merchant_id,
        (array_agg(merchant_name order by age))[1] as merchant_name,
        (array_agg(merchant_name order by position))[1] as first_merchant_name,
        count(*)::integer as occurrences,
        count(*) filter (where is_on_time)::integer as on_time_count,
        min(booking_date) as first_date,
        max(booking_date) as last_date,
        max(booking_date) filter (where position = 2) as second_date,
        max(due_date) filter (where age = 1) as last_due_date,
        max(amount) filter (where age = 1) as last_amount,
        max(amount) filter (where age = 2) as earlier_amount,
        percentile_disc(0.5) within group (order by amount)
        filter (where age <= 7) as recent_amount,
        min(amount) as amount_min,
        max(amount) as amount_max,
        stddev_pop(amount) / abs(avg(amount)) as amount_variation,
        mode() within group (order by (booking_date - date '2001-01-01') % period) as phase,
        count(*) filter (where extract(isodow from booking_date) >= 6) as weekend_count,
        count(*) filter (
            where booking_date <> due_date
            and booking_date = {{ working_day('due_date', "'next'") }}
        ) as moved_next_count,
        count(*) filter (
            where booking_date <> due_date
            and booking_date = {{ working_day('due_date', "'previous'") }}
        ) as moved_previous_count
    from members
    group by
        series_key, user_id, account_id, direction, currency, frequency, nominal_day
)

select
    figures.*,
    md5(
        concat_ws(
            '|',
            figures.user_id,
            figures.account_id,
            figures.first_merchant_name,
            figures.direction,
            figures.currency,
            row_number() over (
                partition by
                    figures.account_id,
                    figures.first_merchant_name,
                    figures.direction,
                    figures.currency
                order by figures.second_date, figures.first_date, figures.series_key
            )
        )
    ) as pattern_key,
    case
        when figures.weekend_count > 0 then 'none'
        when figures.moved_previous_count > figures.moved_next_count then 'previous'
        when figures.moved_next_count > 0 or habits.is_never_on_weekend then 'next'
        else 'none'
    end as weekend_rule
from figures
inner join habits on figures.account_id = habits.account_id
