{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- What was held, in money: as the broker said on days on which it was read, else at the last price
-- and the day's reference rate.
with daily as (
    select * from {{ ref('int_holdings_daily') }}
),

holdings as (
    select * from {{ ref('stg_common__holdings') }}
),

instruments as (
    select * from {{ ref('stg_common__instruments') }}
)

select
    daily.*,
    instruments.currency as price_currency,
    holdings.holding_id is not null as is_reported,
    case
        when daily.quantity = 0 then 0
        when holdings.holding_id is not null then holdings.value
        else common.convert(
            daily.quantity * daily.price, instruments.currency, daily.currency, daily.day
        )
    end as value,
    case when daily.quantity = 0 then 0 else daily.quantity * daily.price end as price_value
from daily
inner join instruments on daily.instrument_id = instruments.instrument_id
left join holdings
    on
        daily.account_id = holdings.account_id
        and daily.instrument_id = holdings.instrument_id
        and daily.day = holdings.as_of
        and daily.quantity = holdings.quantity
