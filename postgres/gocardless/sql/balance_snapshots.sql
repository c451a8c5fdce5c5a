select
    b.user_id,
    :account_id as account_id,
    b.balance_type,
    b.amount,
    b.currency,
    b.reference_date,
    b.first_seen_at as observed_at,
    lower(b.balance_type) in ('interimbooked', 'closingbooked', 'openingbooked')
    -- What a bank is known to send in their place, as long as it sends none of them.
    or (
        lower(b.balance_type) = any(cast(:stand_ins as text []))
        and not exists (
            select 1 from gocardless.balances as o
            where
                o.bank_account_id = b.bank_account_id
                and lower(o.balance_type) in ('interimbooked', 'closingbooked', 'openingbooked')
        )
    ) as is_booked,
    b.id as raw_id
from gocardless.balances as b
where
    b.bank_account_id = :bank_account_id
    and b.balance_type is not null
    and b.amount is not null
    and b.currency is not null
