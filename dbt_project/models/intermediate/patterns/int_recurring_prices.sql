-- What a series costs now, and when that changed. A price changed where the payments before and
-- after lie apart by more than they differ among themselves, up to six on either side: two at least
-- of each, or one that breaks a row of three that were alike.
with payments as (
    select * from {{ ref('int_recurring_payments') }}
),

neighbours as (
    select
        series_key,
        transaction_id,
        position,
        age,
        booking_date,
        amount,
        lag(amount) over series as amount_before,
        count(*) over before as count_before,
        min(abs(amount)) over before as min_before,
        max(abs(amount)) over before as max_before,
        count(*) over after as count_after,
        min(abs(amount)) over after as min_after,
        max(abs(amount)) over after as max_after
    from payments
    window
        series as (partition by series_key order by position),
        before as (
            partition by series_key order by position rows between 6 preceding and 1 preceding
        ),
        after as (
            partition by series_key order by position rows between current row and 5 following
        )
),

changes as (
    select distinct on (series_key)
        series_key,
        position as changed_position,
        booking_date as price_changed_on,
        amount_before
    from neighbours
    where
        greatest(min_after - max_before, min_before - max_after)
        > greatest(0.004 * max_before, max_before - min_before, max_after - min_after)
        and (
            (count_before >= 2 and count_after >= 2)
            or (count_before >= 3 and max_before = min_before)
        )
    order by series_key asc, position desc
),

current_prices as (
    select
        payments.series_key,
        changes.price_changed_on,
        changes.amount_before,
        max(payments.amount) filter (where payments.age = 1) as last_amount,
        max(payments.amount) filter (where payments.age = 2) as earlier_amount,
        percentile_disc(0.5) within group (order by payments.amount)
        filter (where payments.age <= 7) as middle_amount,
        coalesce(stddev_pop(payments.amount) / abs(avg(payments.amount)), 0) as variation,
        min(payments.amount) as lowest,
        max(payments.amount) as highest
    from payments
    left join changes on payments.series_key = changes.series_key
    where
        payments.age <= 13
        and payments.position >= coalesce(changes.changed_position, 1)
    group by payments.series_key, changes.price_changed_on, changes.amount_before
),

expected as (
    select
        *,
        -- A price that was asked twice running is the price; else the middle of the last seven.
        case
            when last_amount = earlier_amount or variation <= 0.08 then last_amount
            else middle_amount
        end as expected_amount
    from current_prices
)

select
    series_key,
    expected_amount,
    least(lowest - round((highest - lowest) * 0.1, 2), expected_amount) as expected_low,
    case
        -- The margin changes no sign.
        when expected_amount < 0
            then least(greatest(highest + round((highest - lowest) * 0.1, 2), expected_amount), 0)
        else greatest(highest + round((highest - lowest) * 0.1, 2), expected_amount)
    end as expected_high,
    variation as amount_variation,
    price_changed_on,
    amount_before as price_before
from expected
