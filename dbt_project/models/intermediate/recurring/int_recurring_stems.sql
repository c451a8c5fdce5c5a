-- One counterparty under the several wordings that a bank prints for it. What is the bank's and not
-- the merchant's is learned from the account itself: a word that is found beside many words that
-- are rarer than it is a town, a month or a way of paying. What was seen once and never again is a
-- reference. A wording that begins with the whole of another one is the same merchant.
with wordings as (
    select
        account_id,
        wording,
        count(*) as row_count
    from {{ ref('int_recurring_wordings') }}
    group by account_id, wording
),

words as (
    select
        wordings.account_id,
        wordings.wording,
        wordings.row_count,
        word.text as word,
        min(word.place) as place
    from wordings
    cross join
        lateral regexp_split_to_table(wordings.wording, '\s+')
        with ordinality as word (text, place)
    group by wordings.account_id, wordings.wording, wordings.row_count, word.text
),

known as (
    select
        *,
        sum(row_count) over by_word as word_count,
        count(*) over by_word as wording_count
    from words
    window by_word as (partition by account_id, word)
),

-- The rarest word of each wording that was seen more than once.
marked as (
    select
        *,
        first_value(word) over (
            partition by account_id, wording
            order by word_count < 2, length(word) < 2, wording_count, place
        ) as mark
    from known
),

companies as (
    select
        account_id,
        word,
        count(distinct mark) as mark_count
    from marked
    group by account_id, word
),

judged as (
    select
        marked.*,
        companies.mark_count < 6 as is_own,
        companies.mark_count < 6 and marked.word_count > 1 and length(marked.word) > 1 as is_kept
    from marked
    inner join companies
        on marked.account_id = companies.account_id and marked.word = companies.word
),

stems as (
    select
        account_id,
        wording,
        row_count,
        coalesce(
            array_agg(word order by place) filter (where is_kept),
            array_agg(word order by place) filter (where is_own),
            array_agg(word order by place)
        ) as words
    from judged
    group by account_id, wording, row_count
),

named as (
    select
        account_id,
        wording,
        row_count,
        words[:3] as kept
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

select distinct on (named.account_id, named.wording)
    named.account_id,
    named.wording,
    array_to_string(coalesce(counted.kept, named.kept), ' ') as merchant_stem,
    {{ is_about_cash('named.wording') }} as is_cash
from named
left join counted
    on
        named.account_id = counted.account_id
        and counted.row_count >= 2
        and counted.kept in (named.kept[:1], named.kept[:2], named.kept)
order by
    named.account_id asc,
    named.wording asc,
    cardinality(counted.kept) asc nulls last
