-- Transactions of one account as their last versions say: what is booked before what is pending, what
-- is shown before what is not, and then what came last.
with versions as (
    select
        r.*,
        row_number() over (
            partition by r.ledger_id
            order by
                r.is_pending,
                upper_inf(r.shown) desc,
                (select max(lower(span)) from unnest(r.shown) as u (span)) desc,
                r.id
        ) as place,
        min(r.first_seen_at) over (partition by r.ledger_id) as known_since,
        bool_or(r.is_pending and upper_inf(r.shown)) over (partition by r.ledger_id) as is_pending_now
    from gocardless.transactions as r
    where
        r.bank_account_id = any(cast(:feeds as uuid[]))
        and r.ledger_id is not null
        and (cast(:names as uuid[]) is null or r.ledger_id = any(cast(:names as uuid[])))
),

-- Texts repeat, and to normalise one takes long.
statements as materialized (
    select
        texts.text,
        common.normalise_merchant(texts.text) as name
    from (
        select distinct coalesce(v.counterparty_name, v.description) as text
        from versions as v
        where v.place = 1
    ) as texts
)

select
    r.ledger_id as id,
    r.user_id,
    :account_id as account_id,
    r.ledger_id::text as source_key,
    case
        when not r.is_pending then 'booked'
        when r.is_pending_now then 'pending'
        else 'void'
    end as status,
    r.amount,
    r.currency,
    r.booking_date,
    r.value_date,
    r.booked_at,
    r.description,
    r.counterparty_name,
    r.counterparty_account,
    r.balance_after,
    coalesce(alias.merchant_id, m.id) as merchant_id,
    case when own.account_number is not null then 'transfer' else 'payment' end as kind,
    'gocardless.transactions' as raw_table,
    r.id as raw_id,
    r.known_since as first_seen_at
from versions as r
left join statements as statement
    on statement.text = coalesce(r.counterparty_name, r.description)
left join common.merchant_aliases as alias
    on alias.user_id = r.user_id and alias.name = statement.name
left join common.merchants as m
    on
        m.user_id = r.user_id
        and m.name = statement.name
        and alias.id is null
left join lateral (
    select a.account_number
    from common.accounts as a
    where a.user_id = r.user_id and a.account_number = r.counterparty_account
    limit 1
) as own on true
where r.place = 1
