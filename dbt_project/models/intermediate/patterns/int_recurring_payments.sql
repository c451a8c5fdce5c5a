{{
    config(
        materialized='table',
        indexes=[{'columns': ['series_key']}],
        post_hook="{{ analyze(this) }}"
    )
}}

-- The payments of each series, with whose they are and how new each one is within it.
with series as (
    select * from {{ ref('int_recurring_series') }}
),

candidates as (
    select * from {{ ref('int_recurring_candidates') }}
),

accounts as (
    select * from {{ ref('int_accounts_located') }}
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
    accounts.country,
    cadences.unit,
    cadences.period,
    series.booking_date,
    series.amount,
    row_number() over (
        partition by series.series_key order by series.booking_date, series.transaction_id
    )::integer as position,
    row_number() over (
        partition by series.series_key
        order by series.booking_date desc, series.transaction_id desc
    )::integer as age
from series
inner join candidates on series.transaction_id = candidates.transaction_id
inner join accounts on candidates.account_id = accounts.account_id
inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
