select
    b.user_id,
    :account_id as account_id,
    b.balance_type,
    b.amount,
    b.currency,
    b.reference_date,
    b.first_seen_at as observed_at,
    lower(b.balance_type) in ('interimbooked', 'closingbooked', 'openingbooked') as is_booked,
    b.id as raw_id
from gocardless.balances as b
where
    b.bank_account_id = :bank_account_id
    and b.balance_type is not null
    and b.amount is not null
    and b.currency is not null
