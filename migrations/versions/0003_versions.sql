-- What was known before the answers were kept: one answer for all rows, and a second one, which no
-- longer has those that were withdrawn.
insert into gocardless.answers (user_id, bank_account_id, first_day, seen_at, run_id)
select
    r.user_id,
    r.bank_account_id,
    coalesce(min(least(r.booking_date, r.value_date)), min(r.first_seen_at)::date),
    min(r.first_seen_at),
    min(r.first_seen_run_id)
from gocardless.transactions as r
group by r.user_id, r.bank_account_id;

with later as (
    insert into gocardless.answers (user_id, bank_account_id, first_day, seen_at, run_id)
    select
        r.user_id,
        r.bank_account_id,
        min(r.withdrawn_at)::date,
        max(r.withdrawn_at),
        min(r.changed_run_id)
    from gocardless.transactions as r
    where r.withdrawn_at is not null
    group by r.user_id, r.bank_account_id
    returning id, bank_account_id
),

known as (
    select
        r.id,
        encode(r.content_hash, 'hex') || ':' || row_number() over (
            partition by r.bank_account_id, r.is_pending, r.content_hash
            order by r.identity_key
        ) as identity_key,
        a.id as first_answer,
        case when r.withdrawn_at is not null then l.id end as last_answer
    from gocardless.transactions as r
    inner join gocardless.answers as a on a.bank_account_id = r.bank_account_id
    left join later as l on l.bank_account_id = r.bank_account_id
)

update gocardless.transactions as r
set
    shown = int8multirange(int8range(k.first_answer, k.last_answer)),
    identity_key = k.identity_key,
    ledger_id = t.id,
    identified_by = case when t.id is not null then 'new' end
from known as k
left join common.transactions as t
    on t.raw_table = 'gocardless.transactions' and t.raw_id = k.id
where r.id = k.id;

update common.transactions set source_key = id::text where raw_table = 'gocardless.transactions';

update gocardless.bank_accounts as b
set identified_through = a.last_answer
from (
    select bank_account_id, max(id) as last_answer
    from gocardless.answers
    group by bank_account_id
) as a
where a.bank_account_id = b.id;
