{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- What every account held at the end of each day, from its first trade on. Shares and cost follow
-- from the trades; a price stands until the next one is known, and never across a split.
with trades as (
    select * from {{ ref('stg_common__trades') }}
),

holdings as (
    select * from {{ ref('stg_common__holdings') }}
),

observed as (
    select
        account_id,
        max(as_of) as last_day
    from holdings
    group by account_id
),

ends as (
    select distinct on (account_id, instrument_id, trade_date)
        user_id,
        account_id,
        instrument_id,
        trade_date as day,
        quantity_after as quantity,
        cost_after as cost,
        currency
    from trades
    where quantity_after is not null
    order by
        account_id asc, instrument_id asc, trade_date asc, traded_at desc, quantity < 0 desc,
        trade_id desc
),

-- A position that no trade tells of is held all the same.
stated as (
    select
        holdings.user_id,
        holdings.account_id,
        holdings.instrument_id,
        holdings.as_of as day,
        holdings.quantity,
        holdings.cost,
        holdings.currency
    from holdings
    where
        not exists (
            select 1
            from ends
            where
                ends.account_id = holdings.account_id
                and ends.instrument_id = holdings.instrument_id
        )
),

changes as (
    select * from ends
    union all
    select * from stated
),

spans as (
    select
        changes.*,
        coalesce(
            lead(changes.day) over (
                partition by changes.account_id, changes.instrument_id order by changes.day
            ) - 1,
            greatest(changes.day, observed.last_day)
        ) as last_day
    from changes
    left join observed on changes.account_id = observed.account_id
),

days as (
    select
        spans.user_id,
        spans.account_id,
        spans.instrument_id,
        days.day::date as day,
        spans.quantity,
        spans.cost,
        spans.currency
    from spans
    cross join lateral generate_series(
        spans.day, case when spans.quantity = 0 then spans.day else spans.last_day end,
        interval '1 day'
    ) as days (day)
),

-- Prices that were seen, and the events after which those before mean nothing.
prices as (
    select distinct on (account_id, instrument_id, day)
        account_id,
        instrument_id,
        day,
        price,
        average_price
    from (
        select
            account_id,
            instrument_id,
            as_of as day,
            price,
            average_price,
            2 as rank,
            null::timestamptz as seen_at
        from holdings
        where price is not null
        union all
        select
            account_id,
            instrument_id,
            trade_date as day,
            case when kind = 'trade' then price end as price,
            null as average_price,
            1 as rank,
            traded_at as seen_at
        from trades
        where kind <> 'trade' or price is not null
    ) as seen
    order by account_id asc, instrument_id asc, day asc, rank desc, seen_at desc
),

placed as (
    select
        days.*,
        prices.price as seen_price,
        prices.average_price,
        case when prices.price is not null then days.day end as seen_on,
        count(prices.day) over (
            partition by days.account_id, days.instrument_id order by days.day
        ) as price_span
    from days
    left join prices
        on
            days.account_id = prices.account_id
            and days.instrument_id = prices.instrument_id
            and days.day = prices.day
)

select
    user_id,
    account_id,
    instrument_id,
    day,
    quantity,
    cost,
    currency,
    first_value(seen_price) over (
        partition by account_id, instrument_id, price_span order by day
    ) as price,
    first_value(seen_on) over (
        partition by account_id, instrument_id, price_span order by day
    ) as price_date,
    average_price
from placed
