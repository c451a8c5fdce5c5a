-- A transfer is what the ledger links or the user confirms; what the user rejects is none.
select
    transactions.transaction_id,
    transactions.user_id,
    transactions.account_id,
    transactions.merchant_id,
    merchants.merchant_name,
    transactions.status,
    transactions.kind,
    transactions.amount,
    transactions.currency,
    transactions.booking_date,
    transactions.value_date,
    transactions.booked_at,
    transactions.description,
    transactions.counterparty_name,
    transactions.user_note,
    transactions.first_seen_at,
    transactions.kind = 'transfer' or transfer_legs.transaction_id is not null as is_own_transfer
from {{ ref('stg_common__transactions') }} as transactions
left join {{ ref('stg_common__merchants') }} as merchants
    on transactions.merchant_id = merchants.merchant_id
left join
    (
        select unnest(array[outgoing_transaction_id, incoming_transaction_id]) as transaction_id
        from {{ ref('stg_common__transfers') }}
        where status in ('linked', 'confirmed')
    ) as transfer_legs
    on transactions.transaction_id = transfer_legs.transaction_id
where transactions.status <> 'void'
