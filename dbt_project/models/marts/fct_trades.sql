{{
    config(
        indexes=[
            {'columns': ['user_id', 'trade_date']},
            {'columns': ['account_id', 'trade_date']},
            {'columns': ['instrument_id']},
        ]
    )
}}

with trades as (
    select * from {{ ref('stg_common__trades') }}
),

instruments as (
    select * from {{ ref('stg_common__instruments') }}
),

-- What is unknown of a part makes its gain unknown.
parts as (
    select
        trade_id,
        method,
        proceeds + fees + cost as gain
    from {{ ref('stg_common__disposals') }}
),

gains as (
    select
        trade_id,
        case
            when bool_and(gain is not null) filter (where method = 'fifo')
                then sum(gain) filter (where method = 'fifo')
        end as fifo_gain,
        case
            when bool_and(gain is not null) filter (where method = 'section_104')
                then sum(gain) filter (where method = 'section_104')
        end as section_104_gain
    from parts
    group by trade_id
)

select
    trades.trade_id,
    trades.user_id,
    trades.account_id,
    trades.instrument_id,
    instruments.ticker as traded_ticker,
    trades.kind::text as kind,
    case when trades.quantity < 0 then 'sell' else 'buy' end as side,
    trades.traded_at,
    trades.trade_date,
    trades.quantity,
    trades.price,
    trades.price_currency,
    trades.amount,
    trades.fees,
    trades.amount + trades.fees as cash,
    trades.currency,
    abs(trades.quantity) * trades.price / nullif(abs(trades.amount), 0) as fx_rate,
    trades.reported_profit,
    trades.profit,
    trades.price_profit,
    gains.fifo_gain,
    gains.section_104_gain,
    trades.quantity_after,
    trades.cost_after
from trades
inner join instruments on trades.traded_instrument_id = instruments.instrument_id
left join gains on trades.trade_id = gains.trade_id
