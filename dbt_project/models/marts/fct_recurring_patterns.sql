{{
    config(
        indexes=[
            {'columns': ['user_id', 'next_expected_date']},
            {'columns': ['account_id']},
            {'columns': ['merchant_id']},
        ]
    )
}}

with series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

outlooks as (
    select * from {{ ref('int_recurring_outlooks') }}
),

expected as (
    select
        series.*,
        outlooks.is_ended,
        cadences.unit,
        cadences.per_year,
        cadences.tolerance,
        case when not outlooks.is_ended then outlooks.next_date end
            as next_expected_date,
        -- A price that was asked twice running is the price; else the middle of the last seven.
        case
            when series.last_amount = series.earlier_amount or series.amount_variation <= 0.08
                then series.last_amount
            else series.recent_amount
        end as expected_amount,
        series.on_time_count::numeric / series.occurrences as on_time_ratio
    from series
    inner join outlooks on series.pattern_key = outlooks.pattern_key
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
)

select
    pattern_key,
    user_id,
    account_id,
    merchant_id,
    merchant_name,
    direction,
    frequency,
    currency,
    expected_amount,
    amount_min,
    amount_max,
    round(
        on_time_ratio::numeric
        * (1 - 1 / power(occurrences::numeric, 1.5))
        * (1 - 0.4 * least(amount_variation, 0.5)),
        3
    ) as confidence,
    occurrences,
    first_date,
    last_date,
    next_expected_date,
    is_ended,
    case when not is_ended then round(expected_amount * per_year / 12, 2) end as monthly_cost,
    case when not is_ended then round(expected_amount * per_year, 2) end as yearly_cost,
    concat_ws(
        '; ',
        format(
            '%s payments from %s to %s, %s',
            occurrences, first_date, last_date, replace(frequency, '_', '-')
        ),
        case
            when unit = 'month' and nominal_day = 31 then 'due at the end of the month'
            when unit = 'month' then format('due around day %s of the month', nominal_day)
            else format('mostly on a %s', trim(to_char(last_date, 'Day')))
        end,
        format('%s of them within %s days of the due day', on_time_count, tolerance),
        case
            when amount_min = amount_max then 'always the same amount'
            when last_amount = earlier_amount
                then format('now %s, between %s and %s before', last_amount, amount_min, amount_max)
            else format('between %s and %s', amount_min, amount_max)
        end,
        case
            when weekend_rule = 'next' then 'moves to the working day after a weekend'
            when weekend_rule = 'previous' then 'moves to the working day before a weekend'
        end,
        case when is_ended then 'has stopped' end
    ) as reasons
from expected
