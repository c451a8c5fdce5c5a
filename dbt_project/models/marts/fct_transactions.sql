{{
    config(
        indexes=[
            {'columns': ['user_id', 'booking_date']},
            {'columns': ['account_id', 'booking_date']},
            {'columns': ['merchant_id']},
        ]
    )
}}

with transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

institutions as (
    select * from {{ ref('stg_common__institutions') }}
)

select
    transactions.transaction_id,
    transactions.user_id,
    transactions.account_id,
    institutions.institution_name,
    transactions.status::text as status,
    transactions.status = 'pending' as is_pending,
    transactions.kind::text as kind,
    case when transactions.amount < 0 then 'expense' else 'income' end as direction,
    case
        when transactions.is_own_transfer or not accounts.is_counted then null
        when transactions.kind in ('trade', 'deposit', 'withdrawal') then null
        -- At a broker nobody knows yet what a new type is.
        when transactions.kind = 'other' and accounts.account_type <> 'bank' then null
        when transactions.amount < 0 then 'spending'
        when transactions.amount > 0 then 'income'
    end as counts_as,
    transactions.amount,
    transactions.currency,
    transactions.booking_date,
    transactions.value_date,
    transactions.booked_at,
    transactions.description,
    transactions.counterparty_name,
    transactions.merchant_id,
    transactions.merchant_name,
    transactions.is_own_transfer,
    transactions.user_note is not null as has_user_note,
    transactions.first_seen_at
from transactions
inner join accounts on transactions.account_id = accounts.account_id
inner join institutions on accounts.institution_id = institutions.institution_id
