-- Booked transactions that pay due days of plans, each with the due day that it fits best where that
-- one fits nothing better.
with fitting as (
    select
        d.planned_id,
        d.due_on,
        p.user_id,
        t.id as transaction_id,
        abs(t.booking_date - d.due_on) as days_off,
        abs(t.amount - p.amount) as amount_off
    from incoming_planned_matches as d
    inner join common.planned_transactions as p on d.planned_id = p.id
    inner join common.transactions as t
        on
            p.user_id = t.user_id
            and p.account_id = t.account_id
            and t.booking_date between d.due_on - :leeway and d.due_on + :leeway
    where
        t.status = 'booked'
        and t.currency = p.currency
        and abs(t.amount - p.amount) <= abs(p.amount) * p.amount_tolerance_pct / 100
        and not exists (
            select from common.planned_matches as m
            where m.planned_id = d.planned_id and m.due_on = d.due_on
        )
        and not exists (
            select from common.planned_matches as m where m.transaction_id = t.id
        )
),

ranked as (
    select
        f.planned_id,
        f.due_on,
        f.user_id,
        f.transaction_id,
        row_number() over (
            partition by f.transaction_id
            order by f.days_off, f.amount_off, f.due_on, f.planned_id
        ) as plan_rank,
        row_number() over (
            partition by f.planned_id, f.due_on
            order by f.days_off, f.amount_off, f.transaction_id
        ) as transaction_rank
    from fitting as f
)

select
    r.planned_id,
    r.due_on,
    r.user_id,
    r.transaction_id
from ranked as r
inner join common.transactions as t on r.transaction_id = t.id
inner join common.planned_transactions as p on r.planned_id = p.id
where r.plan_rank = 1 and r.transaction_rank = 1
-- What somebody deletes meanwhile is waited for, and then not there.
for key share of t, p
