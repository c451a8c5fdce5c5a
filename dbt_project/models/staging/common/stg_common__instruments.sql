select
    id as instrument_id,
    provider,
    provider_instrument_id as ticker,
    name as instrument_name,
    isin,
    currency
from {{ source('common', 'instruments') }}
