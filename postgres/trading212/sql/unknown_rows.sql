-- Rows of a kind that is not known, which were kept all the same; and those whose sign is not that of
-- their type.
with keys as (
    select
        k.id as api_key_id,
        k.user_id,
        l.account_id,
        coalesce(a.display_name, a.name) as account
    from trading212.api_keys as k
    inner join common.account_links as l
        on
            l.user_id = k.user_id
            and l.provider = 'trading212'
            and l.provider_account_id = k.provider_account_id::text
    inner join common.accounts as a on a.id = l.account_id
    where cast(:user_id as uuid) is null or k.user_id = :user_id
    group by k.id, k.user_id, l.account_id, a.display_name, a.name
),

found as (
    select
        t.account_id,
        case t.kind when 'other' then 'unknown type' else 'sign against its type' end as what,
        c.payload ->> 'type' as item,
        t.currency,
        t.booking_date as on_day,
        (c.payload ->> 'amount')::numeric as stated,
        t.amount as found
    from common.transactions as t
    inner join trading212.cash_transactions as c on c.id = t.raw_id
    where
        t.raw_table = 'trading212.cash_transactions'
        and (
            t.kind = 'other'
            or (t.kind = 'deposit' and t.amount < 0)
            or (c.payload ->> 'amount')::numeric <> t.amount
        )

    union all

    select
        t.account_id,
        'unknown type',
        o.payload #>> '{fill,type}',
        t.currency,
        t.trade_date,
        t.amount,
        t.quantity
    from common.trades as t
    inner join trading212.orders as o on o.id = t.raw_id
    where t.kind = 'other'

    union all

    select
        t.account_id,
        'another currency',
        t.description,
        t.currency,
        t.booking_date,
        t.amount,
        t.amount
    from common.transactions as t
    inner join common.accounts as a on a.id = t.account_id
    where t.raw_table like 'trading212.%' and t.currency <> a.currency
)

select
    k.user_id,
    k.account_id,
    k.account,
    f.currency,
    f.what,
    f.item,
    f.on_day,
    f.stated,
    f.found
from found as f
inner join keys as k on k.account_id = f.account_id
order by k.account, k.account_id, f.on_day, f.item
