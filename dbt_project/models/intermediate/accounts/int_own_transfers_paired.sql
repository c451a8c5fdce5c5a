-- An amount that leaves one account and comes to another one of the same user within three days is
-- one transfer, if each leg has no other partner. Where there is a choice nothing is paired.
with transactions as (
    select * from {{ ref('stg_common__transactions') }}
),

legs as (
    select
        transaction_id,
        user_id,
        account_id,
        currency,
        booking_date,
        amount
    from transactions
    where
        status = 'booked'
        and amount <> 0
        and kind in ('payment', 'transfer', 'deposit', 'withdrawal', 'other')
),

candidates as (
    select
        outgoing.user_id,
        outgoing.currency,
        incoming.amount,
        outgoing.transaction_id as outgoing_transaction_id,
        incoming.transaction_id as incoming_transaction_id,
        abs(incoming.booking_date - outgoing.booking_date) as days_apart,
        count(*) over (partition by outgoing.transaction_id) as incoming_count,
        count(*) over (partition by incoming.transaction_id) as outgoing_count
    from legs as outgoing
    inner join legs as incoming
        on
            outgoing.user_id = incoming.user_id
            and outgoing.currency = incoming.currency
            and -outgoing.amount = incoming.amount
            and outgoing.account_id <> incoming.account_id
            and incoming.booking_date between outgoing.booking_date - 3
            and outgoing.booking_date + 3
    where outgoing.amount < 0
)

select
    outgoing_transaction_id,
    incoming_transaction_id,
    user_id,
    amount,
    currency,
    days_apart
from candidates
where incoming_count = 1 and outgoing_count = 1
