-- Which payment belongs to which series: families joined over their price changes, and what lies on
-- the days that they leave open. The rhythm is that of the latest family.
with claims as (
    select
        claims.*,
        successions.series_key
    from {{ ref('int_recurring_claims') }} as claims
    inner join {{ ref('int_recurring_successions') }} as successions
        on claims.family_key = successions.family_key
),

extensions as (
    select * from {{ ref('int_recurring_extensions') }}
),

members as (
    select
        transaction_id,
        series_key,
        stream_key,
        frequency,
        nominal_day,
        booking_date,
        amount,
        due_date,
        days_off,
        coalesce(is_on_time, true) as is_on_time
    from claims
    union all
    select
        transaction_id,
        series_key,
        stream_key,
        frequency,
        nominal_day,
        booking_date,
        amount,
        due_date,
        days_off,
        true as is_on_time
    from extensions
)

select
    transaction_id,
    series_key,
    stream_key,
    frequency,
    last_value(nominal_day) over (
        partition by series_key
        order by booking_date, transaction_id
        rows between unbounded preceding and unbounded following
    ) as nominal_day,
    booking_date,
    amount,
    due_date,
    days_off,
    is_on_time
from members
