-- Legs, and whether the counterparty of each is a stranger: somebody with whom money was moved at
-- least twice in the year before, and hardly ever was the same moved on another account as well.
with asked as materialized (
    select t.*
    from unnest(cast(:legs as uuid [])) as leg (id)
    inner join common.transactions as t on t.id = leg.id
),

earlier as materialized (
    select t.*
    from common.transactions as t
    where t.merchant_id in (select a.merchant_id from asked as a) and t.status = 'booked'
),

returned as materialized (
    select distinct e.id
    from earlier as e
    inner join common.transactions as r
        on
            r.user_id = e.user_id
            and r.currency = e.currency
            and r.amount = -e.amount
            and r.booking_date between e.booking_date - 5 and e.booking_date + 5
    where r.account_id <> e.account_id and r.status = 'booked'
),

known as (
    select
        e.id,
        count(*) over past as payments,
        count(r.id) over past as returns
    from earlier as e
    left join returned as r on r.id = e.id
    window
        past as (
            partition by e.merchant_id
            order by e.booking_date
            range between interval '365 days' preceding and interval '6 days' preceding
        )
)

select
    a.id,
    a.account_id,
    a.booking_date,
    a.kind,
    a.counterparty_name,
    a.counterparty_account,
    a.description,
    coalesce(k.payments >= 2 and k.returns * 4 < k.payments, false) as is_of_stranger
from asked as a
left join known as k on k.id = a.id
