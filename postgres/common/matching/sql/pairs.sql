-- Every pair of one user's booked legs that could be one transfer, with at least one leg of those
-- asked for: opposite signs, two accounts, near days, an amount that fits, and nothing decided about
-- it. An exchange whose day has no rate yet comes without what was kept.
with asked as materialized (
    select
        t.id,
        t.booking_date
    from unnest(cast(:legs as uuid [])) as leg (id)
    inner join common.transactions as t on t.id = leg.id
    where t.user_id = :user_id and t.booking_date is not null
),

movements as materialized (
    select
        t.id,
        t.account_id,
        t.amount,
        t.currency,
        t.booking_date,
        a.id is not null as is_asked
    from common.transactions as t
    inner join common.accounts as c on c.id = t.account_id and c.is_counted
    left join asked as a on a.id = t.id
    where
        t.user_id = :user_id
        and t.booking_date between
        (select min(booking_date) - 5 from asked) and (select max(booking_date) + 5 from asked)
        and t.status = 'booked'
        and t.kind in ('payment', 'transfer', 'deposit', 'withdrawal', 'other')
),

-- Three business days are five days at most. Day by day, so that the join is one of equal days.
near as (
    select
        o.id as outgoing_id,
        i.id as incoming_id,
        common.business_days(o.booking_date, i.booking_date) as lag,
        o.currency <> i.currency as is_exchange,
        case
            when o.currency = i.currency then i.amount / -o.amount
            else i.amount / -common.convert(o.amount, o.currency, i.currency, o.booking_date)
        end as kept,
        o.booking_date > coalesce((select max(day) from common.fx_rates), '-infinity') as is_ahead
    from movements as o
    cross join generate_series(-5, 5) as days
    inner join movements as i on i.booking_date = o.booking_date + days
    where
        o.amount < 0
        and i.amount > 0
        and o.account_id <> i.account_id
        and (o.is_asked or i.is_asked)
        and (o.currency <> i.currency or i.amount between -0.99 * o.amount - 5 and -o.amount)
)

select
    n.outgoing_id,
    n.incoming_id,
    n.lag,
    n.is_exchange,
    n.kept
from near as n
where
    n.lag between -3 and 3
    and case
        when not n.is_exchange then true
        when n.kept is null then n.is_ahead
        else n.kept between 0.95 and 1.02
    end
    and not exists (
        select from common.transfers as d
        where d.status = 'confirmed' and d.outgoing_id = n.outgoing_id
    )
    and not exists (
        select from common.transfers as d
        where d.status = 'confirmed' and d.incoming_id = n.incoming_id
    )
    and not exists (
        select from common.transfers as d
        where
            d.status = 'rejected'
            and d.outgoing_id = n.outgoing_id
            and d.incoming_id = n.incoming_id
    )
