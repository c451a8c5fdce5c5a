-- Cash is comparable with the sum of the movements; what is invested is not.
select
    s.user_id,
    :account_id as account_id,
    b.balance_type,
    b.amount,
    s.payload ->> 'currency' as currency,
    s.first_seen_at as observed_at,
    b.balance_type = 'cash' as is_booked,
    s.id as raw_id
from trading212.account_summaries as s
cross join lateral (
    values
    (
        'cash',
        (s.payload #>> '{cash,availableToTrade}')::numeric
        + coalesce((s.payload #>> '{cash,reservedForOrders}')::numeric, 0)
        + coalesce((s.payload #>> '{cash,inPies}')::numeric, 0)
    ),
    ('invested', (s.payload #>> '{investments,currentValue}')::numeric),
    ('total', (s.payload ->> 'totalValue')::numeric)
) as b (balance_type, amount)
where
    s.api_key_id = :api_key_id
    and b.amount is not null
    -- Money without a currency is not money; the summary stays as delivered.
    and s.payload ->> 'currency' is not null
