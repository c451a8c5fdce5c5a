-- Every fill of an account, with its fees; what other statements of this folder are made on.
settings as (
    select u.time_zone
    from auth.users as u
    where u.id = :user_id
),

fills as (
    select
        o.id,
        o.identity_key,
        o.ticker,
        o.occurred_at,
        o.first_seen_at,
        o.changed_at,
        o.payload #>> '{order,side}' as side,
        coalesce(o.payload #>> '{fill,type}', 'TRADE') as type,
        abs((o.payload #>> '{fill,quantity}')::numeric) as quantity,
        (o.payload #>> '{fill,price}')::numeric as price,
        o.payload #>> '{order,instrument,currency}' as price_unit,
        coalesce(o.payload #>> '{order,instrument,name}', o.ticker) as instrument,
        -- netValue is a magnitude with the fees in it: paid on a buy, received on a sell. A split
        -- moves no money, whatever is written there.
        case
            when o.payload #>> '{fill,type}' = 'STOCK_SPLIT' then 0
            else abs((o.payload #>> '{fill,walletImpact,netValue}')::numeric)
        end as net_value,
        (o.payload #>> '{fill,walletImpact,realisedProfitLoss}')::numeric as reported_profit,
        o.payload #>> '{fill,walletImpact,currency}' as currency,
        case jsonb_typeof(o.payload #> '{fill,walletImpact,taxes}')
            when 'array' then o.payload #> '{fill,walletImpact,taxes}'
            else '[]'::jsonb
        end as taxes
    from trading212.orders as o
    where
        o.api_key_id = :api_key_id
        and o.refusal is null
        and jsonb_typeof(o.payload -> 'fill') = 'object'
),

fees as (
    select
        f.id,
        t.place,
        t.tax ->> 'name' as name,
        abs((t.tax ->> 'quantity')::numeric) as amount
    from fills as f
    cross join lateral jsonb_array_elements(f.taxes) with ordinality as t (tax, place)
    where
        -- One in another currency is in the net value, and nothing says how much of it.
        coalesce(t.tax ->> 'currency', f.currency) = f.currency
        and (t.tax ->> 'quantity')::numeric <> 0
        and f.net_value is not null
),

fees_of_fill as (
    select
        id,
        sum(amount) as amount
    from fees
    group by id
),

-- The cash of each trade without its fees; paid negative.
trades as (
    select
        f.*,
        coalesce(p.amount, 0) as fees,
        case f.side
            when 'BUY' then -(f.net_value - coalesce(p.amount, 0))
            else f.net_value + coalesce(p.amount, 0)
        end as amount
    from fills as f
    left join fees_of_fill as p on p.id = f.id
)
