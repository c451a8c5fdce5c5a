-- Payments that may have been taken twice: of the merchant, the amount and the currency of a pattern's
-- payment, at most as many days after it as its frequency allows, and part of no pattern. Only what
-- was booked lately is news, and only where the money did not come back.
select
    p.id as pattern_id,
    p.user_id,
    t.id as transaction_id,
    p.name,
    t.amount,
    t.currency,
    t.booking_date,
    min(paid.booking_date) as first_date
from common.recurring_patterns as p
inner join auth.users as u on p.user_id = u.id
inner join common.recurring_pattern_transactions as l on p.id = l.pattern_id
inner join common.transactions as paid on l.transaction_id = paid.id
inner join common.transactions as t
    on
        paid.account_id = t.account_id
        and paid.amount = t.amount
        and paid.currency = t.currency
        and paid.merchant_id = t.merchant_id
        and paid.id <> t.id
        and t.booking_date between paid.booking_date
        and paid.booking_date + least(common.due_leeway(p.frequency), 7)
where
    p.status in ('pending', 'active')
    and (p.status = 'active' or p.detected_confidence >= 0.8)
    and p.direction = 'expense'
    and paid.status = 'booked'
    and t.status = 'booked'
    and t.booking_date >= common.local_day(cast(:now as timestamptz), u.time_zone) - 31
    and paid.booking_date >= common.local_day(cast(:now as timestamptz), u.time_zone) - 45
    and not exists (
        select from common.recurring_pattern_transactions as o where o.transaction_id = t.id
    )
    and not exists (
        select from common.recurring_removals as r where r.transaction_id = t.id
    )
    and not exists (
        select
        from common.transactions as back
        where
            back.account_id = t.account_id
            and back.status = 'booked'
            and back.currency = t.currency
            and back.amount = -t.amount
            and back.merchant_id = t.merchant_id
            and back.booking_date >= t.booking_date
    )
group by p.id, p.user_id, t.id, p.name, t.amount, t.currency, t.booking_date
