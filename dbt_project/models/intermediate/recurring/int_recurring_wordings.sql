{{ config(pre_hook="{{ share_the_work() }}") }}

-- The words of each booked transaction's text, both of what the bank calls the other side and of
-- what it writes beside it: either may be the one that tells. Whatever has a digit in it is a date,
-- a card or a reference, unless it is as short as O2 or all there is to know the other side by.
-- Where the user said that several names are one merchant, that merchant's name is the text.
with transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

scope as (
    select * from {{ ref('int_recurring_scope') }}
    where is_changed
),

aliased as (
    select distinct merchant_id from {{ ref('stg_common__merchant_aliases') }}
),

texts as (
    select
        transactions.transaction_id,
        transactions.account_id,
        case
            when aliased.merchant_id is not null then transactions.merchant_name
            else lower(transactions.description)
        end as description,
        case
            when aliased.merchant_id is null then lower(transactions.counterparty_name)
        end as counterparty
    from transactions
    inner join scope on transactions.account_id = scope.account_id
    left join aliased on transactions.merchant_id = aliased.merchant_id
    where transactions.status = 'booked'
),

whole as (
    select
        *,
        concat_ws(' ', description, counterparty) as both_texts
    from texts
),

cleaned as (
    select
        transaction_id,
        account_id,
        description,
        case
            -- An account's number is a name where there is no other.
            when counterparty ~ '[[:digit:]]' and counterparty !~ '\m[[:alpha:]]{3,}'
                then regexp_replace(counterparty, '[^[:alnum:]]+', '', 'g')
        end as number,
        trim(
            regexp_replace(
                both_texts,
                -- Most texts have no such word, and to look ahead takes twice as long.
                case
                    when both_texts ~ '\m[a-z]{1,2}[0-9]{1,2}\M'
                        then '(?:\W+|\m(?![a-z]{1,2}[0-9]{1,2}\M)\w*[0-9]\w*)+'
                    else '(?:\W+|\w*[0-9]\w*)+'
                end,
                ' ', 'g'
            )
        ) as words
    from whole
)

-- Each text is named once only: what is named twice is worked out twice.
select
    transaction_id,
    account_id,
    coalesce(
        nullif(concat_ws(' ', nullif(number, ''), nullif(words, '')), ''),
        regexp_replace(description, '[^[:alnum:]]+', '', 'g'),
        ''
    ) as wording
from cleaned
