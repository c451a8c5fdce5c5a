select
    id as transfer_id,
    user_id,
    outgoing_id as outgoing_transaction_id,
    incoming_id as incoming_transaction_id,
    status,
    updated_at
from {{ source('common', 'transfers') }}
