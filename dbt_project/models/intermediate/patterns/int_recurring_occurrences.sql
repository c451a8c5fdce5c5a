-- Every day on which each series was due, from its first payment to its next, and what came. A day
-- on which it was due is that of the rule it follows now, moved where the payments around it kept
-- to another day. It is due in no month in which it rests.
with series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

payments as (
    select * from {{ ref('int_recurring_payments') }}
),

outlooks as (
    select * from {{ ref('int_recurring_outlooks') }}
),

working_days as (
    select * from {{ ref('int_working_days') }}
),

stepped as (
    select
        series.series_key,
        payments.transaction_id,
        payments.booking_date,
        payments.amount,
        payments.position,
        coalesce(
            round(
                (lead(payments.booking_date) over by_day - payments.booking_date)
                / case
                    when series.unit = 'month' then 30.4375 * series.period else series.period
                end
            ),
            0
        )::integer as periods_until_next
    from series
    inner join payments on series.series_key = payments.series_key
    window by_day as (partition by series.series_key order by payments.position)
),

-- Which period a payment lies in, counted back from the last one, whatever day it kept then.
placed as (
    select
        *,
        -sum(periods_until_next) over (
            partition by series_key order by position desc
        )::integer as slot
    from stepped
),

begun as (
    select
        series_key,
        min(slot) as first_slot
    from placed
    group by series_key
),

-- The days to come end with the next one; a series that has ended has none.
slots as (
    select
        series.series_key,
        series.country,
        series.shift,
        coalesce(series.rest_months, '{}')::integer[] as rest_months,
        numbers.slot,
        case
            when series.unit = 'month'
                then {{ scheduled_day(
                    "(series.last_due + make_interval(months => series.period * numbers.slot))::date",
                    'series.nominal_day',
                    'series.nominal_weekday'
                ) }}
            else series.last_due + series.period * numbers.slot
        end as nominal_date
    from series
    inner join outlooks on series.pattern_key = outlooks.pattern_key
    inner join begun on series.series_key = begun.series_key
    cross join
        lateral
        generate_series(
            begun.first_slot,
            case
                when outlooks.is_ended then 0
                when series.unit = 'month'
                    then
                        {{ months_between('series.last_due', 'outlooks.next_nominal_date') }}
                        / series.period
                else (outlooks.next_nominal_date - series.last_due) / series.period
            end
        ) as numbers (slot)
),

due as (
    select
        slots.series_key,
        slots.slot,
        slots.nominal_date,
        slots.rest_months,
        {{ shifted('slots.nominal_date', 'slots.shift') }} as due_date
    from slots
    left join working_days
        on slots.country = working_days.country and slots.nominal_date = working_days.day
),

compared as (
    select
        due.series_key,
        due.slot,
        due.nominal_date,
        due.due_date,
        placed.transaction_id,
        placed.booking_date,
        placed.amount,
        placed.booking_date - due.due_date as days_off,
        lag(placed.booking_date - due.due_date) over by_day as days_off_before,
        lead(placed.booking_date - due.due_date) over by_day as days_off_after,
        row_number() over (
            partition by due.series_key, due.slot
            order by abs(placed.booking_date - due.due_date), placed.position
        )::integer as sequence,
        -- Which payment of the series came last before this day.
        (
            count(placed.transaction_id) over until_then
            - (placed.transaction_id is not null)::integer
        )::integer as position_before
    from due
    left join placed on due.series_key = placed.series_key and due.slot = placed.slot
    where
        placed.transaction_id is not null
        or extract(month from due.nominal_date)::integer <> all(due.rest_months)
    window
        by_day as (partition by due.series_key order by due.slot, placed.position),
        until_then as (
            partition by due.series_key order by due.slot, placed.position
            rows between unbounded preceding and current row
        )
),

-- The day that a payment beside it kept, of two the nearer one.
usual as (
    select
        *,
        case
            when
                days_off_before is null
                or abs(days_off_after - coalesce(days_off, 0))
                < abs(days_off_before - coalesce(days_off, 0))
                then days_off_after
            else days_off_before
        end as usual_days_off
    from compared
),

expected as (
    select
        series.pattern_key,
        series.user_id,
        series.account_id,
        series.currency,
        series.frequency,
        outlooks.today,
        outlooks.read_through,
        cadences.tolerance,
        usual.slot,
        usual.nominal_date,
        usual.sequence,
        usual.transaction_id,
        usual.booking_date,
        usual.amount,
        case
            when
                usual.slot < 0
                and abs(usual.usual_days_off) > cadences.tolerance
                and coalesce(abs(usual.days_off) > cadences.tolerance, true)
                then usual.due_date + usual.usual_days_off
            else usual.due_date
        end as expected_date,
        case
            when usual.slot > 0 then series.expected_amount
            else coalesce(earlier.amount, usual.amount)
        end as expected_amount
    from usual
    inner join series on usual.series_key = series.series_key
    inner join outlooks on series.pattern_key = outlooks.pattern_key
    inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
    left join payments as earlier
        on usual.series_key = earlier.series_key and usual.position_before = earlier.position
)

select
    pattern_key,
    user_id,
    account_id,
    currency,
    nominal_date,
    sequence,
    expected_date,
    expected_amount,
    transaction_id,
    booking_date,
    amount,
    case
        when booking_date - expected_date > tolerance then 'late'
        when transaction_id is not null then 'matched'
        when slot < 0 or expected_date + common.due_leeway(frequency) < read_through then 'missed'
        when expected_date + tolerance < read_through then 'late'
        else 'upcoming'
    end as status,
    case
        when transaction_id is not null then booking_date - expected_date
        when
            slot > 0
            and expected_date + tolerance < read_through
            and expected_date + common.due_leeway(frequency) >= read_through
            then today - expected_date
    end as days_late
from expected
