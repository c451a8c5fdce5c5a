select
    id as holding_id,
    user_id,
    account_id,
    instrument_id,
    as_of,
    quantity,
    average_price,
    price,
    cost,
    value,
    currency
from {{ source('common', 'holdings') }}
