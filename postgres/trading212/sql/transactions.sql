-- What changed of one account's histories, as signed cash. A fill is its trade without the fees and
-- a row for each fee, so that the parts add up to what moved. Days are the user's own.
with {fills},

changed as (
    select coalesce(cast(:projected_through as timestamptz), '-infinity') as since
),

-- Of some accounts the daily interest comes as deposits. Nobody pays in a sum that is never round
-- every evening at the same time; what stands among four other days' like it, is interest.
cash as (
    select
        c.*,
        c.payload ->> 'type' as type,
        (c.payload ->> 'amount')::numeric as amount
    from trading212.cash_transactions as c
    where c.api_key_id = :api_key_id and c.refusal is null
),

deposits as (
    select *
    from cash
    where type = 'DEPOSIT' and amount > 0
),

disguised as (
    select d.id
    from deposits as d
    inner join deposits as o
        on
            o.occurred_at between d.occurred_at - interval '10 days'
            and d.occurred_at + interval '10 days'
            and o.occurred_at::date <> d.occurred_at::date
            and o.amount between d.amount / 3 and d.amount * 3
            and abs(extract(epoch from o.occurred_at::time - d.occurred_at::time)) <= 1800
    where d.amount < 100
    group by d.id
    having
        count(distinct o.occurred_at::date) >= 4
        and count(*) filter (where o.amount <> trunc(o.amount)) * 4 >= count(*) * 3
        and count(distinct o.amount) > 1
),

movements as (
    select
        f.id as ledger_id,
        'fill:' || f.identity_key as source_key,
        f.amount,
        f.currency,
        f.occurred_at,
        case f.side when 'BUY' then 'Buy ' else 'Sell ' end || trim_scale(f.quantity) || ' '
        || f.instrument as description,
        f.instrument as counterparty_name,
        'trade' as kind,
        'trading212.orders' as raw_table,
        f.id as raw_id,
        f.first_seen_at
    from trades as f, changed
    where f.changed_at > changed.since

    union all

    select
        -- A raw row's own id is its trade's; each fee follows from it by its place.
        md5(f.id || ':fee:' || p.place)::uuid,
        'fee:' || f.identity_key || ':' || p.place,
        -p.amount,
        f.currency,
        f.occurred_at,
        coalesce(initcap(replace(lower(p.name), '_', ' ')), 'Fee') || ', ' || f.instrument,
        'Trading 212',
        case
            when p.name in ('STAMP_DUTY', 'STAMP_DUTY_RESERVE_TAX', 'FRENCH_TRANSACTION_TAX')
                then 'tax'
            else 'fee'
        end,
        'trading212.orders',
        f.id,
        f.first_seen_at
    from fees as p
    inner join trades as f on f.id = p.id
    cross join changed
    where f.changed_at > changed.since

    union all

    select
        d.id,
        'dividend:' || d.identity_key,
        (d.payload ->> 'amount')::numeric,
        upper(d.payload ->> 'currency'),
        d.occurred_at,
        'Dividend, ' || coalesce(d.payload #>> '{instrument,name}', d.ticker, 'unknown instrument'),
        coalesce(d.payload #>> '{instrument,name}', d.ticker),
        'dividend',
        'trading212.dividends',
        d.id,
        d.first_seen_at
    from trading212.dividends as d, changed
    where
        d.api_key_id = :api_key_id
        and d.refusal is null
        and d.changed_at > changed.since

    union all

    select
        c.id,
        'cash:' || c.identity_key,
        -- The type gives the direction; the sign is not the same everywhere.
        case
            when c.type in ('WITHDRAW', 'WITHDRAWAL', 'FEE') then -abs(c.amount)
            else c.amount
        end,
        upper(c.payload ->> 'currency'),
        c.occurred_at,
        coalesce(initcap(replace(lower(c.type), '_', ' ')), 'Cash'),
        'Trading 212',
        case
            when p.id is not null then 'interest'
            when c.type = 'DEPOSIT' then 'deposit'
            when c.type in ('WITHDRAW', 'WITHDRAWAL') then 'withdrawal'
            when c.type = 'FEE' then 'fee'
            when c.type = 'TRANSFER' then 'transfer'
            when c.type like '%INTEREST%' then 'interest'
            else 'other'
        end,
        'trading212.cash_transactions',
        c.id,
        c.first_seen_at
    from cash as c
    cross join changed
    left join disguised as p on p.id = c.id
    -- What a deposit is taken for depends on those around it.
    where c.changed_at > changed.since or c.type = 'DEPOSIT'
)

select
    coalesce(n.transaction_id, v.ledger_id) as id,
    :user_id as user_id,
    :account_id as account_id,
    v.source_key,
    'booked' as status,
    v.amount,
    v.currency,
    common.local_day(v.occurred_at, settings.time_zone) as booking_date,
    v.occurred_at as booked_at,
    v.description,
    v.counterparty_name,
    v.kind,
    v.raw_table,
    v.raw_id,
    v.first_seen_at
from movements as v
cross join settings
left join trading212.former_ids as n
    on n.api_key_id = :api_key_id and n.source_key = v.source_key
where v.amount <> 0
