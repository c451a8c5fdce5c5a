-- What changed of one account's histories, as signed cash. A fill is its trade without the fees and
-- a row for each fee, so that the parts add up to what moved. Days are the user's own.
with settings as (
    select
        coalesce(cast(:projected_through as timestamptz), '-infinity') as projected_through,
        u.time_zone
    from auth.users as u
    where u.id = :user_id
),

fills as (
    select
        o.id,
        o.identity_key,
        o.occurred_at,
        o.first_seen_at,
        o.payload #>> '{order,side}' as side,
        abs((o.payload #>> '{fill,quantity}')::numeric) as quantity,
        coalesce(o.payload #>> '{order,instrument,name}', o.ticker) as instrument,
        -- netValue is a magnitude with the fees in it: paid on a buy, received on a sell.
        abs((o.payload #>> '{fill,walletImpact,netValue}')::numeric) as net_value,
        o.payload #>> '{fill,walletImpact,currency}' as currency,
        case jsonb_typeof(o.payload #> '{fill,walletImpact,taxes}')
            when 'array' then o.payload #> '{fill,walletImpact,taxes}'
            else '[]'::jsonb
        end as taxes
    from trading212.orders as o, settings
    where
        o.api_key_id = :api_key_id
        and o.refusal is null
        and o.changed_at > settings.projected_through
        and o.payload #>> '{fill,walletImpact,netValue}' is not null
),

fees as (
    select
        f.id,
        f.identity_key,
        f.occurred_at,
        f.first_seen_at,
        f.instrument,
        f.currency,
        t.place,
        t.tax ->> 'name' as name,
        abs((t.tax ->> 'quantity')::numeric) as amount
    from fills as f
    cross join lateral jsonb_array_elements(f.taxes) with ordinality as t (tax, place)
    where t.tax ->> 'currency' = f.currency and (t.tax ->> 'quantity')::numeric <> 0
),

fees_of_fill as (
    select
        id,
        sum(amount) as amount
    from fees
    group by id
),

movements as (
    select
        'fill:' || f.identity_key as source_key,
        case f.side
            when 'BUY' then -(f.net_value - coalesce(p.amount, 0))
            else f.net_value + coalesce(p.amount, 0)
        end as amount,
        f.currency,
        f.occurred_at,
        case f.side when 'BUY' then 'Buy ' else 'Sell ' end || trim_scale(f.quantity) || ' '
        || f.instrument as description,
        f.instrument as counterparty_name,
        'trade' as kind,
        'trading212.orders' as raw_table,
        f.id as raw_id,
        f.first_seen_at
    from fills as f
    left join fees_of_fill as p on p.id = f.id

    union all

    select
        'fee:' || identity_key || ':' || place,
        -amount,
        currency,
        occurred_at,
        initcap(replace(lower(name), '_', ' ')) || ', ' || instrument,
        'Trading 212',
        case
            when name in ('STAMP_DUTY', 'STAMP_DUTY_RESERVE_TAX', 'FRENCH_TRANSACTION_TAX')
                then 'tax'
            else 'fee'
        end,
        'trading212.orders',
        id,
        first_seen_at
    from fees

    union all

    select
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
    from trading212.dividends as d, settings
    where
        d.api_key_id = :api_key_id
        and d.refusal is null
        and d.changed_at > settings.projected_through

    union all

    select
        'cash:' || c.identity_key,
        -- The type gives the direction; the sign is not the same everywhere.
        case
            when c.payload ->> 'type' in ('WITHDRAW', 'WITHDRAWAL', 'FEE')
                then -abs((c.payload ->> 'amount')::numeric)
            else (c.payload ->> 'amount')::numeric
        end,
        upper(c.payload ->> 'currency'),
        c.occurred_at,
        initcap(replace(lower(c.payload ->> 'type'), '_', ' ')),
        'Trading 212',
        case
            when c.payload ->> 'type' = 'DEPOSIT' then 'deposit'
            when c.payload ->> 'type' in ('WITHDRAW', 'WITHDRAWAL') then 'withdrawal'
            when c.payload ->> 'type' = 'FEE' then 'fee'
            when c.payload ->> 'type' = 'TRANSFER' then 'transfer'
            when c.payload ->> 'type' like '%INTEREST%' then 'interest'
            else 'other'
        end,
        'trading212.cash_transactions',
        c.id,
        c.first_seen_at
    from trading212.cash_transactions as c, settings
    where
        c.api_key_id = :api_key_id
        and c.refusal is null
        and c.changed_at > settings.projected_through
)

select
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
from movements as v, settings
where v.amount <> 0
