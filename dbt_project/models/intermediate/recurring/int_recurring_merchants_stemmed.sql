{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- One counterparty under the several wordings that a bank prints for it. What an account's wordings
-- have in common with each other is the bank's and not the merchant's: a word that stands before,
-- or after, many different words is dropped, and so is one that was seen once and never again,
-- which is a reference. A wording that begins with the whole of another one is the same merchant.
with transactions as (
    select * from {{ ref('int_transactions_classified') }}
),

wordings as (
    select
        account_id,
        merchant_name,
        count(*) as row_count
    from transactions
    where merchant_name is not null
    group by account_id, merchant_name
),

words as (
    select
        wordings.account_id,
        wordings.merchant_name,
        wordings.row_count,
        word.text as word,
        word.place,
        lag(word.text) over in_wording as word_before,
        lead(word.text) over in_wording as word_after
    from wordings
    cross join
        lateral regexp_split_to_table(wordings.merchant_name, '\s+')
        with ordinality as word (text, place)
    window in_wording as (
        partition by wordings.account_id, wordings.merchant_name order by word.place
    )
),

known as (
    select
        *,
        sum(row_count) over (partition by account_id, word) as word_count
    from words
),

word_counts as (
    select distinct
        account_id,
        word,
        word_count
    from known
),

neighbours as (
    select
        known.account_id,
        known.word,
        count(distinct known.word_before) as before_count,
        count(distinct known.word_after) filter (where following.word_count >= 2) as after_count
    from known
    left join word_counts as following
        on known.account_id = following.account_id and known.word_after = following.word
    group by known.account_id, known.word
),

stems as (
    select
        known.account_id,
        known.merchant_name,
        known.row_count,
        (
            array_agg(known.word order by known.place) filter (
                where neighbours.before_count < 6 and neighbours.after_count < 6
                and (known.word_count > 1 or known.place = 1)
            )
        )[:3] as kept
    from known
    inner join neighbours
        on known.account_id = neighbours.account_id and known.word = neighbours.word
    group by known.account_id, known.merchant_name, known.row_count
),

named as (
    select
        account_id,
        merchant_name,
        row_count,
        coalesce(kept, array[merchant_name]) as kept
    from stems
),

counted as (
    select
        account_id,
        kept,
        sum(row_count) as row_count
    from named
    group by account_id, kept
)

select distinct on (named.account_id, named.merchant_name)
    named.account_id,
    named.merchant_name,
    array_to_string(coalesce(counted.kept, named.kept), ' ') as merchant_stem
from named
left join counted
    on
        named.account_id = counted.account_id
        and counted.row_count >= 2
        and counted.kept in (named.kept[:1], named.kept[:2], named.kept)
order by
    named.account_id asc,
    named.merchant_name asc,
    cardinality(counted.kept) asc nulls last
