select
    id as dividend_id,
    user_id,
    ticker,
    (payload ->> 'quantity')::numeric as quantity,
    (payload ->> 'grossAmountPerShare')::numeric as gross_per_share,
    coalesce(payload ->> 'tickerCurrency', payload #>> '{instrument,currency}') as price_unit,
    payload ->> 'type' as dividend_type
from {{ source('trading212', 'dividends') }}
