-- The securities that positions and histories name, listed or not.
with named as (
    select
        p.ticker,
        p.payload -> 'instrument' as instrument,
        p.changed_at
    from trading212.positions as p
    where p.ticker is not null
    union all
    select
        o.ticker,
        o.payload #> '{order,instrument}',
        o.changed_at
    from trading212.orders as o
    where o.ticker is not null
    union all
    select
        d.ticker,
        d.payload -> 'instrument',
        d.changed_at
    from trading212.dividends as d
    where d.ticker is not null
),

latest as (
    select distinct on (ticker)
        ticker,
        instrument
    from named
    order by ticker, (instrument is null), changed_at desc
)

select
    md5('trading212:' || n.ticker)::uuid as id,
    'trading212' as provider,
    n.ticker as provider_instrument_id,
    coalesce(i.payload ->> 'name', n.instrument ->> 'name', n.ticker) as name,
    coalesce(i.isin, n.instrument ->> 'isin') as isin,
    common.major_currency(coalesce(i.currency_code, n.instrument ->> 'currency')) as currency
from latest as n
left join trading212.instruments as i on i.ticker = n.ticker
