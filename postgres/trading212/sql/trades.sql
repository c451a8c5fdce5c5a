-- Every fill that changed how many shares are held. Prices come in the instrument's unit, which may
-- be pence, and which the fill says itself; where it does not, the list of instruments does.
with {fills}

select
    t.id,
    :user_id as user_id,
    :account_id as account_id,
    'fill:' || t.identity_key as source_key,
    i.id as instrument_id,
    case
        when t.type = 'TRADE' then 'trade'
        when t.type = 'STOCK_SPLIT' then 'split'
        when
            t.type in (
                'STOCK_DISTRIBUTION',
                'CUSTOM_STOCK_DISTRIBUTION',
                'STOCK_DIVIDENDS',
                'SCRIP_STOCK_DIVIDENDS',
                'SPIN_OFF'
            )
            then 'distribution'
        when t.type = 'EQUITY_RIGHTS' then 'rights'
        when t.type in ('STOCK_ACQUISITION', 'CASH_AND_STOCK_ACQUISITION') then 'exchange'
        when t.type in ('FOP', 'FOP_CORRECTION') then 'transfer'
        else 'other'
    end as kind,
    t.occurred_at as traded_at,
    common.local_day(t.occurred_at, settings.time_zone) as trade_date,
    case t.side when 'BUY' then t.quantity else -t.quantity end as quantity,
    t.price / common.units_per_major(u.unit) as price,
    common.major_currency(u.unit) as price_currency,
    coalesce(t.amount, 0) as amount,
    -t.fees as fees,
    coalesce(t.currency, k.currency) as currency,
    t.reported_profit,
    'trading212.orders' as raw_table,
    t.id as raw_id,
    t.first_seen_at
from trades as t
cross join settings
inner join trading212.api_keys as k on k.id = :api_key_id
inner join common.instruments as i
    on i.provider = 'trading212' and i.provider_instrument_id = t.ticker
left join trading212.instruments as l on l.ticker = t.ticker
cross join lateral (select coalesce(t.price_unit, l.currency_code) as unit) as u
where t.quantity <> 0
