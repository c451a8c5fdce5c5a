-- The positions of a day. Prices come in the instrument's unit, which may be pence; cost and value
-- are in the account's currency already.
select
    p.id,
    p.user_id,
    :account_id as account_id,
    i.id as instrument_id,
    p.as_of,
    p.quantity,
    -- In a unit that nobody tells it stays as it is; the instrument has no currency then.
    (p.payload ->> 'averagePricePaid')::numeric / common.units_per_major(u.unit) as average_price,
    (p.payload ->> 'currentPrice')::numeric / common.units_per_major(u.unit) as price,
    case
        when p.quantity = 0 then 0 else (p.payload #>> '{walletImpact,totalCost}')::numeric
    end as cost,
    case
        when p.quantity = 0 then 0 else (p.payload #>> '{walletImpact,currentValue}')::numeric
    end as value,
    coalesce(p.payload #>> '{walletImpact,currency}', k.currency) as currency,
    p.id as raw_id
from trading212.positions as p
inner join trading212.api_keys as k on k.id = p.api_key_id
inner join common.instruments as i
    on i.provider = 'trading212' and i.provider_instrument_id = p.ticker
left join trading212.instruments as t on t.ticker = p.ticker
cross join lateral (
    select coalesce(p.payload #>> '{instrument,currency}', t.currency_code) as unit
) as u
where p.api_key_id = :api_key_id and (cast(:as_of as date) is null or p.as_of = :as_of)
