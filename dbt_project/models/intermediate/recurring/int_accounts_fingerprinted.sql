{{ config(materialized='view') }}

-- What the analysis of each account rests on, as two numbers that change when it does: one of its
-- transactions, transfers, merchants and what else the user says is of them; and one of the day it
-- is, how far the account has been read, whose working days it keeps and what the user calls
-- merchants.
with accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

users as (
    select * from {{ ref('stg_auth__users') }}
),

observed as (
    select * from {{ ref('int_accounts_observed') }}
),

located as (
    select * from {{ ref('int_accounts_located') }}
),

-- The ledger moves updated_at with any change, so that no text needs to be read.
transactions as (
    select
        account_id,
        count(*) as row_count,
        bit_xor(hash_record_extended(row(transaction_id, updated_at), 0)) as digest
    from {{ ref('stg_common__transactions') }}
    group by account_id
),

transfers as (
    select
        user_id,
        bit_xor(
            hash_record_extended(
                row(outgoing_transaction_id, incoming_transaction_id, status::text), 0
            )
        ) as digest
    from {{ ref('stg_common__transfers') }}
    group by user_id
),

merchants as (
    select
        user_id,
        bit_xor(hash_record_extended(row(merchant_id, merchant_name), 0)) as digest,
        bit_xor(hash_record_extended(row(merchant_id, display_name), 0))
        filter (where display_name is not null) as named_digest
    from {{ ref('stg_common__merchants') }}
    group by user_id
),

aliases as (
    select
        user_id,
        bit_xor(hash_record_extended(row(alias_name, merchant_id), 0)) as digest
    from {{ ref('stg_common__merchant_aliases') }}
    group by user_id
)

select
    accounts.account_id,
    hash_record_extended(
        row(
            accounts.is_counted,
            transactions.row_count,
            transactions.digest,
            transfers.digest,
            merchants.digest,
            aliases.digest
        ),
        0
    ) as transactions_digest,
    hash_record_extended(
        row(
            {{ as_of_date('users.time_zone') }},
            observed.read_through,
            located.country,
            merchants.named_digest
        ),
        0
    ) as outlook_digest
from accounts
inner join users on accounts.user_id = users.user_id
inner join observed on accounts.account_id = observed.account_id
inner join located on accounts.account_id = located.account_id
left join transactions on accounts.account_id = transactions.account_id
left join transfers on accounts.user_id = transfers.user_id
left join merchants on accounts.user_id = merchants.user_id
left join aliases on accounts.user_id = aliases.user_id
