{{ config(indexes=[{'columns': ['series_key']}]) }}

-- The payments of each series in scope, with whose they are and how new each one is within it.
with found as (
    select * from {{ ref('int_recurring_found') }}
),

scope as (
    select * from {{ ref('int_recurring_scope') }}
),

accounts as (
    select * from {{ ref('int_accounts_located') }}
)

select
    found.transaction_id,
    found.series_key,
    found.frequency,
    found.user_id,
    found.account_id,
    found.merchant_id,
    found.merchant_name,
    found.direction,
    found.currency,
    accounts.country,
    cadences.unit,
    cadences.period,
    found.booking_date,
    found.amount,
    found.merchant_payments,
    row_number() over (
        partition by found.series_key order by found.booking_date, found.transaction_id
    )::integer as position,
    row_number() over (
        partition by found.series_key
        order by found.booking_date desc, found.transaction_id desc
    )::integer as age
from found
inner join scope on found.account_id = scope.account_id
inner join accounts on found.account_id = accounts.account_id
inner join {{ recurring_cadences() }} on found.frequency = cadences.frequency
