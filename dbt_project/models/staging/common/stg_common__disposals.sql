select
    id as disposal_id,
    user_id,
    trade_id,
    method,
    place,
    rule,
    acquired_on,
    quantity,
    proceeds,
    fees,
    cost,
    currency
from {{ source('common', 'disposals') }}
