-- Which payment belongs to which accepted family. The coarsest one that holds wins, because a bill
-- that varies or a price that rises is still one series; a second payment in one period is left
-- out.
with fits as (
    select * from {{ ref('int_recurring_fits') }}
    where is_accepted
),

families as (
    select * from {{ ref('int_recurring_families') }}
),

steps as (
    select * from {{ ref('int_recurring_steps') }}
),

claims as (
    select distinct on (families.transaction_id)
        families.transaction_id,
        families.family_key,
        families.stream_key,
        fits.frequency,
        fits.nominal_day
    from families
    inner join fits on families.family_key = fits.family_key
    order by families.transaction_id, families.level
)

select
    claims.transaction_id,
    claims.family_key,
    claims.stream_key,
    claims.frequency,
    claims.nominal_day,
    steps.booking_date,
    steps.amount,
    steps.due_date,
    steps.days_off,
    steps.is_on_time
from claims
inner join steps
    on
        claims.transaction_id = steps.transaction_id
        and claims.family_key = steps.family_key
        and claims.frequency = steps.frequency
where not steps.is_repeat
