{{
    config(
        indexes=[
            {'columns': ['user_id', 'day']},
            {'columns': ['instrument_id', 'day']},
        ]
    )
}}

with valued as (
    select * from {{ ref('int_holdings_valued') }}
)

select
    account_id,
    instrument_id,
    day,
    user_id,
    quantity,
    price,
    price_currency,
    price_date,
    is_reported,
    cost,
    value,
    value - cost as unrealised_profit,
    currency,
    average_price,
    price_value,
    price_value - quantity * average_price as price_unrealised_profit
from valued
