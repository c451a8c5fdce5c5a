-- Booked transactions that pay active patterns, each with the pattern that it fits best where that
-- one fits nothing better. A due day takes one payment. What only a proposal holds is free.
with fitting as (
    select
        t.id as transaction_id,
        p.id as pattern_id,
        p.user_id,
        p.created_at,
        d.due_on,
        abs(t.amount - p.amount) as amount_off,
        abs(t.booking_date - d.due_on) as days_off
    from common.recurring_patterns as p
    inner join common.transactions as t on p.user_id = t.user_id and p.account_id = t.account_id
    cross join
        lateral (
            select common.due_near(p.anchor_date, p.frequency, t.booking_date) as due_on
        ) as d
    left join common.recurring_pattern_transactions as l on t.id = l.transaction_id
    left join common.recurring_patterns as holder on l.pattern_id = holder.id
    where
        p.status = 'active'
        and (cast(:pattern_id as uuid) is null or p.id = :pattern_id)
        and (cast(:account_id as uuid) is null or t.account_id = :account_id)
        and (not :only_written or t.updated_at = now())
        and common.is_payment_of(p, t)
        and (
            p.amount is null
            or abs(t.amount - p.amount) <= abs(p.amount) * p.amount_tolerance_pct / 100
        )
        and (l.transaction_id is null or (l.source = 'detected' and holder.status = 'pending'))
        and not exists (
            select from common.recurring_removals as r
            where r.pattern_id = p.id and r.transaction_id = t.id
        )
        and case
            when common.due_leeway(p.frequency) is null or p.anchor_date is null then true
            else d.due_on is not null
                and not exists (
                    select
                    from common.recurring_pattern_transactions as o
                    inner join common.transactions as paid on o.transaction_id = paid.id
                    where
                        o.pattern_id = p.id
                        and paid.status = 'booked'
                        and abs(paid.booking_date - d.due_on) <= common.due_leeway(p.frequency)
                )
        end
),

ranked as (
    select
        f.transaction_id,
        f.pattern_id,
        f.user_id,
        row_number() over (
            partition by f.transaction_id
            order by f.amount_off, f.days_off, f.created_at, f.pattern_id
        ) as pattern_rank,
        row_number() over (
            partition by
                f.pattern_id, f.due_on, case when f.due_on is null then f.transaction_id end
            order by f.amount_off, f.days_off, f.transaction_id
        ) as transaction_rank
    from fitting as f
)

select
    r.transaction_id,
    r.pattern_id,
    r.user_id,
    'matched' as source
from ranked as r
inner join common.transactions as t on r.transaction_id = t.id
inner join common.recurring_patterns as p on r.pattern_id = p.id
where r.pattern_rank = 1 and r.transaction_rank = 1
-- What somebody deletes meanwhile is waited for, and then not there.
for key share of t, p
