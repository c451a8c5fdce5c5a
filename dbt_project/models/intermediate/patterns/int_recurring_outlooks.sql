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

working_days as (
    select * from {{ ref('int_working_days') }}
),

placed as (
    select
        series.pattern_key,
        series.country,
        series.unit,
        series.period,
        series.nominal_day,
        series.nominal_weekday,
        series.shift,
        coalesce(series.rest_months, '{}')::integer[] as rest_months,
        cadences.tolerance,
        cadences.grace,
        {{ as_of_date('users.time_zone') }} as today,
        least(
            {{ as_of_date('users.time_zone') }}, observed.read_through
        ) as read_through,
        series.last_due
    from series
    inner join users on series.user_id = users.user_id
    inner join observed on series.account_id = observed.account_id
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
),

passed as (
    select
        *,
        greatest(
            0,
            case
                when unit = 'month'
                    then (
                        (extract(year from today) - extract(year from last_due)) * 12
                        + extract(month from today) - extract(month from last_due)
                    )::integer / period
                else (today - last_due) / period
            end - 1
        ) as periods_passed
    from placed
),

ahead as (
    select
        passed.pattern_key,
        passed.country,
        passed.today,
        passed.read_through,
        passed.shift,
        passed.rest_months,
        passed.tolerance,
        passed.grace,
        case
            when passed.unit = 'month'
                then {{ scheduled_day(
                    "(passed.last_due + make_interval(months => passed.period * steps.periods))::date",
                    'passed.nominal_day',
                    'passed.nominal_weekday'
                ) }}
            else passed.last_due + passed.period * steps.periods
        end as nominal_date
    from passed
    cross join lateral (
        select generate_series(1, 1 + cardinality(passed.rest_months)) as periods
        union
        select
            generate_series(
                passed.periods_passed + 1,
                passed.periods_passed + 4 + cardinality(passed.rest_months)
            ) as periods
    ) as steps
),

due as (
    select
        ahead.*,
        {{ shifted('ahead.nominal_date', 'ahead.shift') }} as due_date
    from ahead
    left join working_days
        on ahead.country = working_days.country and ahead.nominal_date = working_days.day
    where extract(month from ahead.nominal_date)::integer <> all(ahead.rest_months)
)

select
    pattern_key,
    today,
    read_through,
    min(due_date) filter (where due_date >= today - tolerance) as next_date,
    min(nominal_date) filter (where due_date >= today - tolerance) as next_nominal_date,
    min(due_date) as first_due_date,
    min(due_date) + min(tolerance) < min(read_through) as is_overdue,
    min(due_date) + min(grace) < min(read_through) as is_ended
from due
group by pattern_key, today, read_through
