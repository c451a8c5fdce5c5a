-- A transfer is what the ledger links or the user confirms; what the user rejects is none.
with transactions as (
    select * from {{ ref('stg_common__transactions') }}
),

merchants as (
    select * from {{ ref('stg_common__merchants') }}
),

transfers as (
    select * from {{ ref('stg_common__transfers') }}
    where status in ('linked', 'confirmed')
),

transfer_legs as (
    select unnest(array[outgoing_transaction_id, incoming_transaction_id]) as transaction_id
    from transfers
)

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
from transactions
left join merchants on transactions.merchant_id = merchants.merchant_id
left join transfer_legs on transactions.transaction_id = transfer_legs.transaction_id
where transactions.status <> 'void'
