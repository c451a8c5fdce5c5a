{{ config(indexes=[{'columns': ['user_id']}]) }}

with accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

institutions as (
    select * from {{ ref('stg_common__institutions') }}
),

observed as (
    select * from {{ ref('int_accounts_observed') }}
),

transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

balances as (
    select distinct on (account_id)
        account_id,
        amount as booked_balance,
        observed_at as booked_balance_at
    from {{ ref('stg_common__balance_snapshots') }}
    where is_booked
    order by
        account_id asc,
        observed_at desc,
        reference_date desc nulls last,
        balance_snapshot_id asc
),

activity as (
    select
        account_id,
        min(booking_date) filter (where status = 'booked') as first_booking_date,
        max(booking_date) filter (where status = 'booked') as last_booking_date,
        count(*) filter (where status = 'booked') as transaction_count,
        count(*) filter (where status = 'pending') as pending_count
    from transactions
    group by account_id
)

select
    accounts.account_id,
    accounts.user_id,
    institutions.institution_name,
    institutions.provider::text as provider,
    coalesce(accounts.display_name, accounts.provider_name) as name,
    accounts.account_type::text as account_type,
    accounts.category::text as category,
    accounts.status::text as status,
    accounts.currency,
    accounts.tax_wrapper::text as tax_wrapper,
    accounts.is_practice,
    accounts.is_counted,
    case
        when accounts.iban is not null
            then left(accounts.iban, 4) || '****' || right(accounts.iban, 4)
    end as iban_masked,
    balances.booked_balance,
    balances.booked_balance_at,
    accounts.opening_balance,
    accounts.opening_date,
    activity.first_booking_date,
    activity.last_booking_date,
    coalesce(activity.transaction_count, 0)::integer as transaction_count,
    coalesce(activity.pending_count, 0)::integer as pending_count,
    observed.read_through,
    observed.data_as_of
from accounts
inner join institutions on accounts.institution_id = institutions.institution_id
left join observed on accounts.account_id = observed.account_id
left join balances on accounts.account_id = balances.account_id
left join activity on accounts.account_id = activity.account_id
