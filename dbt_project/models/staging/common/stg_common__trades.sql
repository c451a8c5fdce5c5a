with source as (
    select * from {{ source('common', 'trades') }}
),

renamed as (
    select
        id as trade_id,
        user_id,
        account_id,
        instrument_id as traded_instrument_id,
        coalesce(security_id, instrument_id) as instrument_id,
        kind,
        traded_at,
        trade_date,
        quantity,
        price,
        price_currency,
        amount,
        fees,
        currency,
        reported_profit,
        quantity_after,
        cost_after,
        paid_after,
        profit,
        price_profit
    from source
)

select * from renamed
