-- Trades and holdings of which quantity times price times rate is not the money that the broker says.
-- A price that is taken for pounds and is in pence shows, and the other way round.
with keys as (
    select
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
    group by k.user_id, l.account_id, a.display_name, a.name
),

stated as (
    select
        t.account_id,
        'trade' as what,
        t.instrument_id,
        t.trade_date as on_day,
        t.price_currency,
        t.currency,
        abs(t.quantity) * t.price as worth,
        abs(t.amount) as money,
        (o.payload #>> '{fill,walletImpact,fxRate}')::numeric as rate
    from common.trades as t
    inner join trading212.orders as o on o.id = t.raw_id
    where t.kind = 'trade'

    union all

    select
        h.account_id,
        'holding',
        h.instrument_id,
        h.as_of,
        i.currency,
        h.currency,
        h.quantity * h.price,
        h.value,
        null
    from common.holdings as h
    inner join common.instruments as i on i.id = h.instrument_id
    where h.quantity <> 0
),

expected as (
    select
        s.*,
        e.money as expected
    from stated as s
    cross join lateral (
        select s.worth as money
        where s.price_currency = s.currency
        union all
        select common.convert(s.worth, s.price_currency, s.currency, s.on_day)
        where s.price_currency <> s.currency
        union all
        -- Either way round: which one the broker means is not told.
        select s.worth * r.rate
        from (values (s.rate), (1 / nullif(s.rate, 0))) as r (rate)
        where s.price_currency <> s.currency and s.rate <> 1
    ) as e
    -- A penny is more than two in a hundred of what is worth less than half a pound.
    where e.money is not null and s.money > 0.5
)

select
    k.user_id,
    k.account_id,
    k.account,
    e.currency,
    e.what,
    i.name as item,
    e.on_day,
    e.money as stated,
    round((array_agg(e.expected order by abs(e.expected - e.money)))[1], 2) as found
from expected as e
inner join keys as k on k.account_id = e.account_id
inner join common.instruments as i on i.id = e.instrument_id
group by
    k.user_id, k.account_id, k.account, e.currency, e.what, i.name, e.on_day, e.money, e.worth
having min(abs(e.expected - e.money)) > 0.02 * e.money + 0.01
order by k.account, k.account_id, e.on_day, i.name
