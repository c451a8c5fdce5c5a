{{
    config(
        indexes=[
            {'columns': ['user_id', 'paid_on']},
            {'columns': ['instrument_id']},
        ]
    )
}}

with transactions as (
    select * from {{ ref('stg_common__transactions') }}
),

dividends as (
    select * from {{ ref('stg_trading212__dividends') }}
),

instruments as (
    select * from {{ ref('stg_common__instruments') }}
),

paid as (
    select
        transactions.transaction_id,
        transactions.user_id,
        transactions.account_id,
        transactions.booking_date,
        transactions.amount,
        transactions.currency,
        instruments.instrument_id,
        dividends.dividend_type,
        dividends.quantity,
        coalesce(dividends.price_unit, instruments.currency) as price_unit,
        dividends.quantity * dividends.gross_per_share as gross
    from transactions
    left join dividends
        on
            transactions.raw_table = 'trading212.dividends'
            and transactions.raw_id = dividends.dividend_id
    left join instruments
        on instruments.provider = 'trading212' and dividends.ticker = instruments.ticker
    where transactions.kind = 'dividend' and transactions.status = 'booked'
),

converted as (
    select
        paid.*,
        common.major_currency(paid.price_unit) as price_currency,
        trim_scale(paid.gross / common.units_per_major(paid.price_unit)) as price_gross,
        trim_scale(
            common.convert(paid.gross, paid.price_unit, paid.currency, paid.booking_date)
        ) as gross_amount
    from paid
)

select
    transaction_id,
    user_id,
    account_id,
    instrument_id,
    booking_date as paid_on,
    dividend_type,
    amount,
    currency,
    quantity,
    price_gross,
    price_currency,
    gross_amount,
    -- Less than one in a hundred is the rate's.
    case
        when gross_amount - amount > 0.01 * gross_amount then amount - gross_amount
        when gross_amount is not null then 0
    end as withheld_estimate
from converted
