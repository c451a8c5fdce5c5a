-- What may recur: booked payments. Money between own accounts and trades
-- are no commitment to anybody. A stream is what one merchant gives or takes on one account; one
-- whose payments are mostly own transfers is all transfers, also where a leg had no partner.
with transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

accounts as (
    select * from {{ ref('stg_common__accounts') }}
    where is_counted
),

scope as (
    select * from {{ ref('int_recurring_scope') }}
    where is_changed
),

wordings as (
    select * from {{ ref('int_recurring_wordings') }}
),

stems as (
    select * from {{ ref('int_recurring_stems') }}
),

eligible as (
    select
        transactions.transaction_id,
        transactions.user_id,
        transactions.account_id,
        transactions.merchant_id,
        transactions.merchant_name,
        transactions.currency,
        transactions.booking_date,
        transactions.amount,
        transactions.is_own_transfer,
        stems.merchant_stem,
        stems.is_cash,
        case when transactions.amount < 0 then 'expense' else 'income' end as direction
    from transactions
    inner join accounts on transactions.account_id = accounts.account_id
    inner join scope on transactions.account_id = scope.account_id
    inner join wordings on transactions.transaction_id = wordings.transaction_id
    inner join stems
        on
            wordings.account_id = stems.account_id
            and wordings.wording = stems.wording
    where
        transactions.status = 'booked'
        and transactions.merchant_name is not null
        and transactions.amount <> 0
        and transactions.booking_date is not null
        and transactions.kind not in ('transfer', 'trade', 'deposit', 'withdrawal')
),

streams as (
    select
        *,
        md5(concat_ws('|', account_id, merchant_stem, currency, direction)) as stream_key,
        count(*) filter (where is_own_transfer) over stream as transfer_count,
        count(*) filter (where not is_own_transfer) over stream as stream_count
    from eligible
    window stream as (partition by account_id, merchant_stem, currency, direction)
)

select
    transaction_id,
    user_id,
    account_id,
    merchant_id,
    merchant_name,
    currency,
    booking_date,
    amount,
    merchant_stem,
    is_cash,
    direction,
    stream_key,
    stream_count
from streams
where not is_own_transfer and transfer_count <= stream_count
