{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- What may recur: booked payments with a known counterparty. Money between own accounts and trades
-- are no commitment to anybody.
with transactions as (
    select * from {{ ref('int_transactions_classified') }}
)

select
    transaction_id,
    user_id,
    account_id,
    merchant_id,
    merchant_name,
    case when amount < 0 then 'expense' else 'income' end as direction,
    currency,
    booking_date,
    amount,
    md5(
        concat_ws(
            '|', user_id, account_id, merchant_name, currency, sign(amount)
        )
    ) as stream_key,
    count(*) over (
        partition by account_id, merchant_id, currency, sign(amount)
    ) as stream_count
from transactions
where
    status = 'booked'
    and amount <> 0
    and booking_date is not null
    and merchant_id is not null
    and not is_own_transfer
    and kind not in ('transfer', 'trade', 'deposit', 'withdrawal')
