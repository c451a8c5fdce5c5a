{{
    config(
        materialized='incremental',
        indexes=[{'columns': ['account_id']}],
        pre_hook="{{ forget_accounts_in_scope('is_changed') }}"
    )
}}

-- The payments of every series of every account: those of the accounts in scope as they were found
-- just now, and the others as they stay.
with series as (
    select * from {{ ref('int_recurring_series') }}
),

candidates as (
    select * from {{ ref('int_recurring_candidates') }}
),

merchants as (
    select
        account_id,
        merchant_id,
        direction,
        count(*)::integer as merchant_payments
    from candidates
    group by account_id, merchant_id, direction
)

select
    series.transaction_id,
    series.series_key,
    series.frequency,
    candidates.user_id,
    candidates.account_id,
    candidates.merchant_id,
    candidates.merchant_name,
    candidates.direction,
    candidates.currency,
    series.booking_date,
    series.amount,
    -- How often the merchant was paid on the account, in this series or not.
    merchants.merchant_payments
from series
inner join candidates on series.transaction_id = candidates.transaction_id
inner join merchants
    on
        candidates.account_id = merchants.account_id
        and candidates.merchant_id is not distinct from merchants.merchant_id
        and candidates.direction = merchants.direction
