{{ config(materialized='view') }}

-- What each series is and why it is taken for one, in sentences.
with series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

outlooks as (
    select * from {{ ref('int_recurring_outlooks') }}
),

confidences as (
    select * from {{ ref('int_recurring_confidences') }}
),

merchants as (
    select * from {{ ref('stg_common__merchants') }}
),

facts as (
    select
        series.*,
        outlooks.is_ended,
        outlooks.is_overdue,
        outlooks.first_due_date,
        outlooks.read_through,
        confidences.confidence,
        coalesce(merchants.display_name, {{ name_in_words('series.merchant_name') }}) as name,
        series.shift = 'previous' and series.moved_count > 0 and series.nominal_day = 31
            as is_last_working_day,
        series.shift = 'next' and series.moved_count > 0 and series.nominal_day = 1
            as is_first_working_day
    from series
    inner join outlooks on series.pattern_key = outlooks.pattern_key
    inner join confidences on series.pattern_key = confidences.pattern_key
    left join merchants on series.merchant_id = merchants.merchant_id
),

worded as (
    select
        *,
        case frequency
            when 'weekly' then 'every ' || {{ weekday_name('nominal_day % 7 + 1') }}
            when 'fortnightly' then 'every 2nd ' || {{ weekday_name('nominal_day % 7 + 1') }}
            when 'four_weekly' then 'every 4th ' || {{ weekday_name('nominal_day % 7 + 1') }}
            when 'monthly' then 'monthly'
            when 'bimonthly' then 'every 2 months'
            when 'quarterly' then 'every 3 months'
            when 'semiannual' then 'every 6 months'
            when 'annual' then 'yearly'
        end as pace,
        case
            when unit = 'day' then ''
            when schedule_kind = 'weekday_of_month'
                then
                    ' on the '
                    || (array['first', 'second', 'third', 'fourth', 'last'])[nominal_day]
                    || ' ' || {{ weekday_name('nominal_weekday') }}
            when is_last_working_day then ' on the last working day'
            when is_first_working_day then ' on the first working day'
            when nominal_day = 31 then ' on the last day'
            else ' on the ' || {{ ordinal('nominal_day') }}
        end
        || case
            when frequency = 'annual' then ' of ' || {{ month_name('last_date') }}
            else ''
        end as day_phrase,
        case
            when moved_count = 0 or is_last_working_day or is_first_working_day then ''
            when shift = 'next' then ', moved to the next working day'
            when shift = 'previous' then ', moved to the working day before'
            else ''
        end as shift_phrase,
        coalesce(
            ', except in '
            || (
                select
                    regexp_replace(
                        string_agg(
                            {{ month_name('make_date(2000, rest.number, 1)') }},
                            ', ' order by rest.number
                        ),
                        ', (\w+)$', ' and \1'
                    )
                from unnest(facts.rest_months::integer[]) as rest (number)
            ),
            ''
        ) as rest_phrase
    from facts
)

select
    pattern_key,
    name,
    pace || day_phrase || shift_phrase || rest_phrase as schedule,
    concat_ws(
        ' ',
        format(
            '%s payments %s %s from %s to %s.',
            occurrences,
            case direction when 'expense' then 'to' else 'from' end,
            coalesce(name, 'an unnamed party'),
            {{ day_in_words('first_date') }},
            {{ day_in_words('last_date') }}
        ),
        format('They come %s.', pace || day_phrase || shift_phrase || rest_phrase),
        case
            when exact_count = tried_count and tried_count = 2
                then 'Both came on exactly that day.'
            when exact_count = tried_count
                then format('All of the last %s came on exactly that day.', tried_count)
            else
                format(
                    'Of the last %s, %s came on exactly that day, the others %s days off on'
                    ' average.',
                    tried_count,
                    exact_count,
                    round(mean_days_off * tried_count / (tried_count - exact_count), 1)
                )
        end,
        case
            when amount_min = amount_max
                then format('The amount was always %s.', {{ money('expected_amount', 'currency') }})
            when price_changed_on is not null and amount_variation <= 0.004
                then
                    format(
                        'The amount has been %s since %s; before that it was %s.',
                        {{ money('expected_amount', 'currency') }},
                        {{ day_in_words('price_changed_on') }},
                        {{ money('price_before', 'currency') }}
                    )
            when price_changed_on is not null
                then
                    format(
                        'The amount is about %s since %s; before that it was about %s.',
                        {{ money('expected_amount', 'currency') }},
                        {{ day_in_words('price_changed_on') }},
                        {{ money('price_before', 'currency') }}
                    )
            else
                format(
                    'The amount was between %s and %s.',
                    to_char(
                        least(abs(amount_min), abs(amount_max)), 'FM999999999990.00'
                    ),
                    {{ money('greatest(abs(amount_min), abs(amount_max))', 'currency') }}
                )
        end,
        case
            when merchant_payments > occurrences
                then
                    format(
                        '%s other %s of the same name on this account %s not part of it.',
                        merchant_payments - occurrences,
                        case
                            when merchant_payments - occurrences = 1 then 'payment' else 'payments'
                        end,
                        case when merchant_payments - occurrences = 1 then 'is' else 'are' end
                    )
        end,
        case
            when is_ended
                then
                    format(
                        'It was due on %s and did not come, so it counts as ended.',
                        {{ day_in_words('first_due_date') }}
                    )
            when is_overdue
                then
                    format(
                        'It was due on %s and has not come yet.',
                        {{ day_in_words('first_due_date') }}
                    )
        end,
        format('Of 100 series like this about %s are right.', round(confidence * 100))
    ) as reasons
from worded
