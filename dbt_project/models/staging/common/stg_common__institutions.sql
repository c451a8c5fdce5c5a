select
    id as institution_id,
    provider,
    name as institution_name,
    countries
from {{ source('common', 'institutions') }}
