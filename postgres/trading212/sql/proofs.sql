-- What the broker says of an account that does not follow from its history. One row an item.
with keys as (
    select
        k.id as api_key_id,
        k.user_id,
        l.account_id,
        a.currency,
        coalesce(a.display_name, a.name) as account
    from trading212.api_keys as k
    inner join common.account_links as l
        on
            l.user_id = k.user_id
            and l.provider = 'trading212'
            and l.provider_account_id = k.provider_account_id::text
    inner join common.accounts as a on a.id = l.account_id
    where cast(:user_id as uuid) is null or k.user_id = :user_id
    group by k.id, k.user_id, l.account_id, a.currency, a.display_name, a.name
),

summaries as (
    select distinct on (s.api_key_id)
        s.api_key_id,
        (s.payload #>> '{investments,realizedProfitLoss}')::numeric as realised,
        (s.payload #>> '{investments,totalCost}')::numeric as cost
    from trading212.account_summaries as s
    order by s.api_key_id, s.first_seen_at desc
),

held as (
    select
        k.account_id,
        h.instrument_id,
        h.quantity,
        h.cost
    from keys as k
    inner join common.holdings as h on h.account_id = k.account_id
    where
        h.as_of = (select max(l.as_of) from common.holdings as l where l.account_id = k.account_id)
),

rebuilt as (
    select distinct on (t.account_id, t.security_id)
        t.account_id,
        t.security_id,
        t.cost_after as cost
    from keys as k
    inner join common.trades as t on t.account_id = k.account_id
    where t.security_id is not null
    -- Of one instant purchases come first, see postgres.common.lots.history.
    order by t.account_id, t.security_id, t.traded_at desc, t.quantity < 0 desc, t.id desc
),

quantities as (
    select
        t.account_id,
        t.security_id,
        sum(t.quantity) as quantity
    from keys as k
    inner join common.trades as t on t.account_id = k.account_id
    where t.security_id is not null
    group by t.account_id, t.security_id
),

shares as (
    select
        coalesce(h.account_id, q.account_id) as account_id,
        coalesce(h.instrument_id, q.security_id) as instrument_id,
        coalesce(h.quantity, 0) as stated,
        coalesce(q.quantity, 0) as found,
        h.cost as stated_cost,
        r.cost as found_cost
    from held as h
    full join quantities as q on q.account_id = h.account_id and q.security_id = h.instrument_id
    left join rebuilt as r on r.account_id = q.account_id and r.security_id = q.security_id
),

sales as (
    select
        t.account_id,
        sum(t.reported_profit) as reported
    from keys as k
    inner join common.trades as t on t.account_id = k.account_id
    group by t.account_id
),

items as (
    select
        s.account_id,
        'shares' as what,
        i.name as item,
        null::date as on_day,
        s.stated,
        s.found,
        s.stated = s.found as agrees,
        1 as rank
    from shares as s
    inner join common.instruments as i on i.id = s.instrument_id

    union all

    -- The broker rounds each sale to the penny, so that its average drifts a little.
    select
        s.account_id,
        'cost',
        i.name,
        null,
        s.stated_cost,
        round(s.found_cost, 2),
        abs(s.stated_cost - s.found_cost) <= 0.05 + 0.01 * abs(s.stated_cost),
        2
    from shares as s
    inner join common.instruments as i on i.id = s.instrument_id
    where s.stated = s.found and s.stated_cost is not null and s.found_cost is not null

    union all

    select
        t.account_id,
        'profit of a sale',
        i.name,
        t.trade_date,
        t.reported_profit,
        round(t.profit, 2),
        abs(t.reported_profit - t.profit) <= 0.05 + 0.01 * abs(t.reported_profit),
        3
    from keys as k
    inner join common.trades as t on t.account_id = k.account_id
    inner join common.instruments as i on i.id = t.instrument_id
    where t.reported_profit is not null and t.quantity < 0 and t.kind = 'trade'

    union all

    select
        k.account_id,
        'realised profit',
        'all sales',
        null,
        s.realised,
        coalesce(p.reported, 0),
        s.realised = coalesce(p.reported, 0),
        4
    from keys as k
    inner join summaries as s on s.api_key_id = k.api_key_id
    left join sales as p on p.account_id = k.account_id
    where s.realised is not null
)

select
    k.user_id,
    k.account_id,
    k.account,
    k.currency,
    i.what,
    i.item,
    i.on_day,
    i.stated,
    i.found
from items as i
inner join keys as k on k.account_id = i.account_id
where i.agrees is not true
order by k.account, k.account_id, i.rank, i.on_day, i.item
