select
    id as merchant_id,
    user_id,
    name as merchant_name,
    display_name
from {{ source('common', 'merchants') }}
