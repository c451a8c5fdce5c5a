select
    id as user_id,
    time_zone,
    base_currency
from {{ source('auth', 'users') }}
