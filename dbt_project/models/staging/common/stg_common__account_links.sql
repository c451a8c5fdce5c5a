select
    id as account_link_id,
    user_id,
    account_id,
    connection_id,
    provider,
    provider_account_id
from {{ source('common', 'account_links') }}
