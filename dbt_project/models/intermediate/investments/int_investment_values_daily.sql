{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- What every broker account was worth at the end of each day, cash and shares, and what was paid in
-- or out on it. Shares of which no price is known count as what they cost.
with holdings as (
    select * from {{ ref('int_holdings_valued') }}
),

transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

brokers as (
    select
        account_id,
        user_id,
        currency,
        coalesce(opening_balance, 0) as opening_balance
    from accounts
    where account_type in ('investment', 'trading')
),

moves as (
    select
        brokers.account_id,
        transactions.booking_date as day,
        sum(transactions.amount) as amount,
        sum(transactions.amount) filter (
            where transactions.kind not in ('trade', 'dividend', 'interest', 'fee', 'tax')
        ) as flow
    from brokers
    inner join transactions
        on
            brokers.account_id = transactions.account_id
            and brokers.currency = transactions.currency
    where transactions.status = 'booked'
    group by brokers.account_id, transactions.booking_date
),

shares as (
    select
        account_id,
        day,
        sum(coalesce(value, cost, 0)) as value
    from holdings
    group by account_id, day
),

bounds as (
    select
        brokers.account_id,
        least(min(moves.day), min(shares.day)) as first_day,
        greatest(max(moves.day), max(shares.day)) as last_day
    from brokers
    left join moves on brokers.account_id = moves.account_id
    left join shares on brokers.account_id = shares.account_id
    group by brokers.account_id
),

days as (
    select
        bounds.account_id,
        days.day::date as day
    from bounds
    cross join lateral generate_series(
        bounds.first_day, bounds.last_day, interval '1 day'
    ) as days (day)
)

select
    brokers.user_id,
    days.account_id,
    days.day,
    brokers.currency,
    brokers.opening_balance + sum(coalesce(moves.amount, 0)) over (
        partition by days.account_id order by days.day
    ) as cash,
    coalesce(shares.value, 0) as shares_value,
    coalesce(moves.flow, 0) as flow
from days
inner join brokers on days.account_id = brokers.account_id
left join moves on days.account_id = moves.account_id and days.day = moves.day
left join shares on days.account_id = shares.account_id and days.day = shares.day
