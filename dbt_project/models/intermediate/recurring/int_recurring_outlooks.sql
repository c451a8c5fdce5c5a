-- When each series is due next, as of now, and whether it has ended. A series has ended when it is
-- overdue on a day up to which its account has been read: silence that nobody listened to says
-- nothing.
with series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

users as (
    select * from {{ ref('stg_auth__users') }}
),

observed as (
    select * from {{ ref('int_accounts_observed') }}
),

placed as (
    select
        series.pattern_key,
        series.nominal_day,
        series.weekend_rule,
        cadences.unit,
        cadences.period,
        cadences.tolerance,
        cadences.grace,
        {{ as_of_date('users.time_zone') }} as today,
        least(
            {{ as_of_date('users.time_zone') }}, observed.read_through
        ) as read_through,
        {{ month_start('series.last_due_date') }} as last_month,
        series.last_date,
        -- The last payment's place in the rhythm, in days from -period/2 to +period/2.
        (
            series.phase - (series.last_date - date '2001-01-01') % cadences.period
            + cadences.period + cadences.period / 2
        ) % cadences.period - cadences.period / 2 as phase_shift
    from series
    inner join users on series.user_id = users.user_id
    inner join observed on series.account_id = observed.account_id
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
),

anchored as (
    select
        *,
        last_date + case when abs(phase_shift) <= tolerance + 2 then phase_shift else 0 end
            as last_day,
        greatest(
            0,
            case
                when unit = 'month'
                    then (
                        (extract(year from today) - extract(year from last_month)) * 12
                        + extract(month from today) - extract(month from last_month)
                    )::integer / period
                else (today - last_date) / period
            end - 1
        ) as periods_passed
    from placed
),

due as (
    select
        anchored.pattern_key,
        anchored.today,
        anchored.read_through,
        anchored.tolerance,
        anchored.grace,
        ahead.periods,
        case
            when anchored.unit = 'month'
                then {{ working_day(
                    day_in_month(
                        "(anchored.last_month + make_interval(months => anchored.period * ahead.periods))::date",
                        'anchored.nominal_day'
                    ),
                    'anchored.weekend_rule'
                ) }}
            else {{ working_day(
                '(anchored.last_day + anchored.period * ahead.periods)', 'anchored.weekend_rule'
            ) }}
        end as due_date
    from anchored
    cross join lateral (
        select 1 as periods
        union
        select generate_series(anchored.periods_passed + 1, anchored.periods_passed + 4) as periods
    ) as ahead
)

select
    pattern_key,
    today,
    min(due_date) filter (where due_date >= today - tolerance) as next_date,
    min(due_date) as first_due_date,
    min(due_date) + min(grace) < min(read_through) as is_ended
from due
group by pattern_key, today
