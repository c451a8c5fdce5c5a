select
    id as bank_account_id,
    user_id,
    provider_account_id::text as provider_account_id,
    transactions_through
from {{ source('gocardless', 'bank_accounts') }}
