-- Payments of active patterns at a price that the user does not know of: the newest one that is
-- linked, or one on the day that is due next, too far off to be linked and still near enough to be
-- it. A price is one that the user knows within the tolerance; of a price that is fixed, by what
-- detection saw, any change is news.
with paid as (
    select
        p.id as pattern_id,
        t.id as transaction_id
    from common.recurring_patterns as p
    inner join common.transactions as t
        on p.account_id = t.account_id and p.linked_last_date = t.booking_date
    inner join common.recurring_pattern_transactions as l
        on t.id = l.transaction_id and p.id = l.pattern_id
    where p.status = 'active' and t.status = 'booked'
    union all
    select
        p.id as pattern_id,
        t.id as transaction_id
    from common.recurring_patterns as p
    inner join common.transactions as t
        on
            p.account_id = t.account_id
            and t.booking_date between p.next_date - common.due_leeway(p.frequency)
            and p.next_date + common.due_leeway(p.frequency)
    where
        p.status = 'active'
        and common.is_payment_of(p, t)
        and t.amount / nullif(p.known_amount, 0) between 0.5 and 2
        and not exists (
            select from common.recurring_pattern_transactions as l where l.transaction_id = t.id
        )
        and not exists (
            select from common.recurring_removals as r
            where r.transaction_id = t.id and r.pattern_id = p.id
        )
)

select distinct on (p.id)
    p.id as pattern_id,
    p.user_id,
    t.id as transaction_id,
    p.name,
    p.known_amount,
    t.amount,
    p.currency,
    t.booking_date
from paid
inner join common.recurring_patterns as p on paid.pattern_id = p.id
inner join common.transactions as t on paid.transaction_id = t.id
where
    abs(t.amount - p.known_amount)
    > abs(p.known_amount) * case
        when
            t.amount = p.detected_amount
            and p.detected_amount_low = p.detected_amount_high
            and t.booking_date >= p.detected_price_changed_on
            then 0.004
        else p.amount_tolerance_pct / 100
    end
order by p.id asc, t.booking_date desc, t.id asc
