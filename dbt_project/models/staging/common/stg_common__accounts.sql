select
    id as account_id,
    user_id,
    institution_id,
    account_type,
    category,
    status,
    currency,
    name as provider_name,
    display_name,
    iban,
    tax_wrapper,
    is_practice,
    is_counted,
    opening_balance,
    opening_date
from {{ source('common', 'accounts') }}
