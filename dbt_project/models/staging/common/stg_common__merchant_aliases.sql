select
    user_id,
    name as alias_name,
    merchant_id
from {{ source('common', 'merchant_aliases') }}
