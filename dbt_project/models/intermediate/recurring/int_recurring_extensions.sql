-- Payments that no family claims, on a day on which a series of their merchant was due and has
-- nothing: a month with a higher bill, or a price that was not asked often enough to be a family.
-- They reach the series without a break of more than one period.
with slots as (
    select * from {{ ref('int_recurring_slots') }}
),

claimed as (
    select distinct
        series_key,
        slot
    from slots
    where is_claimed
),

fitting as (
    select distinct on (slots.transaction_id) slots.*
    from slots
    left join claimed on slots.series_key = claimed.series_key and slots.slot = claimed.slot
    where
        not slots.is_claimed
        and slots.days_off <= slots.tolerance
        and claimed.slot is null
    order by slots.transaction_id asc, slots.price_distance asc, slots.series_key asc
),

chosen as (
    select distinct on (series_key, slot) *
    from fitting
    order by
        series_key asc, slot asc, price_distance asc, days_off asc, transaction_id asc
),

everything as (
    select
        series_key,
        slot,
        transaction_id
    from chosen
    union all
    select
        series_key,
        slot,
        null as transaction_id
    from claimed
),

stepped as (
    select
        *,
        slot - lag(slot) over (partition by series_key order by slot) as slot_step
    from everything
),

runs as (
    select
        *,
        count(*) filter (where slot_step > 2) over (
            partition by series_key order by slot
        ) as run
    from stepped
),

reached as (
    select distinct
        series_key,
        run
    from runs
    where transaction_id is null
)

select
    chosen.transaction_id,
    chosen.series_key,
    chosen.stream_key,
    chosen.frequency,
    chosen.nominal_day,
    chosen.booking_date,
    chosen.amount,
    chosen.due_date,
    chosen.days_off
from chosen
inner join runs
    on chosen.transaction_id = runs.transaction_id and chosen.series_key = runs.series_key
inner join reached on runs.series_key = reached.series_key and runs.run = reached.run
