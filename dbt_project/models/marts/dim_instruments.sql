with instruments as (
    select * from {{ ref('stg_common__instruments') }}
)

select
    instrument_id,
    provider::text as provider,
    ticker,
    instrument_name as name,
    isin,
    currency
from instruments
