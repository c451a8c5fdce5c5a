select
    id as balance_snapshot_id,
    user_id,
    account_id,
    balance_type,
    is_booked,
    amount,
    currency,
    reference_date,
    observed_at
from {{ source('common', 'balance_snapshots') }}
