-- name: payments_arrive
insert into common.transactions (
    id, user_id, account_id, source_key, status, amount, currency, booking_date, description,
    counterparty_name, merchant_id, kind, raw_table, raw_id, first_seen_at
)
select
    md5(id::text || %(salt)s)::uuid, user_id, account_id, source_key || %(salt)s, status, amount,
    currency, booking_date + 30, description, counterparty_name, merchant_id, kind, raw_table,
    raw_id, first_seen_at
from common.transactions
where user_id = %(user)s and status <> 'void' and booking_date > %(day)s::date - 40

-- name: amounts_change
update common.transactions set amount = round(amount * 1.07, 2) where {some}

-- name: prices_step
update common.transactions set amount = amount - 1.5
where {some} and amount < -2 and booking_date > %(day)s::date - 90

-- name: texts_change
update common.transactions
set description = 'ORRIN ' || description, counterparty_name = counterparty_name || ' ORRIN'
where {some}

-- name: days_move
update common.transactions set booking_date = booking_date + 3 where {some}

-- name: years_move
update common.transactions set booking_date = booking_date - 365 where {some}

-- name: pending_ones_are_void
update common.transactions set status = 'void' where user_id = %(user)s and status = 'pending'

-- name: booked_ones_are_void
update common.transactions set status = 'void' where {some}

-- name: void_ones_are_booked
update common.transactions set status = 'booked' where user_id = %(user)s and status = 'void'

-- name: rows_are_deleted
delete from common.transactions where {some}

-- name: all_is_deleted
delete from common.transactions where user_id = %(user)s and {rarely}

-- name: a_user_comes
with newcomer as (
    insert into auth.users (id, name, password_hash)
    select md5(%(salt)s)::uuid, %(salt)s, 'none'
    where not exists (select 1 from auth.users where name = %(salt)s)
    returning id
),
opened as (
    insert into common.accounts (
        id, user_id, institution_id, account_number, currency, account_type, category, name
    )
    select
        md5(accounts.id::text || %(salt)s)::uuid, newcomer.id, institution_id, account_number,
        currency, account_type, category, accounts.name
    from common.accounts cross join newcomer
    where user_id = %(user)s
),
known as (
    insert into common.merchants (id, user_id, name)
    select md5(merchants.id::text || %(salt)s)::uuid, newcomer.id, merchants.name
    from common.merchants cross join newcomer
    where user_id = %(user)s
)
insert into common.transactions (
    id, user_id, account_id, source_key, status, amount, currency, booking_date, description,
    counterparty_name, merchant_id, kind, raw_table, raw_id, first_seen_at
)
select
    md5(transactions.id::text || %(salt)s)::uuid, newcomer.id,
    md5(account_id::text || %(salt)s)::uuid, source_key, status, amount, currency, booking_date,
    description, counterparty_name, md5(merchant_id::text || %(salt)s)::uuid, kind, raw_table,
    raw_id, first_seen_at
from common.transactions cross join newcomer
where user_id = %(user)s

-- name: an_account_mirrors_another
with opened as (
    insert into common.accounts (
        id, user_id, institution_id, account_number, currency, account_type, category, name
    )
    select
        md5(id::text || %(salt)s)::uuid, user_id, institution_id, %(salt)s, currency, account_type,
        category, name
    from common.accounts
    where user_id = %(user)s
    order by account_number
    limit 1
    returning id, user_id
)
insert into common.transactions (
    id, user_id, account_id, source_key, status, amount, currency, booking_date, description,
    counterparty_name, merchant_id, kind, raw_table, raw_id, first_seen_at
)
select
    md5(transactions.id::text || %(salt)s)::uuid, transactions.user_id, opened.id,
    source_key || %(salt)s, status, -amount, currency, booking_date, description,
    counterparty_name, merchant_id, kind, raw_table, raw_id, first_seen_at
from common.transactions cross join opened
where
    opened.id = md5(account_id::text || %(salt)s)::uuid
    and merchant_id in (
        select id from common.merchants
        where user_id = %(user)s and abs(hashtext(name || %(salt)s)) %% 100 < 25
    )

-- name: links_are_rejected
update common.transfers set status = 'rejected', decided_at = now()
where user_id = %(user)s and abs(hashtext(id::text)) %% 2 = 0 and status = 'linked'

-- name: links_are_confirmed
update common.transfers set status = 'confirmed', decided_at = now()
where user_id = %(user)s and status = 'linked'

-- name: a_name_is_an_alias
insert into common.merchant_aliases (user_id, name, merchant_id)
select user_id, 'alias of ' || name || %(salt)s, id from common.merchants
where user_id = %(user)s and abs(hashtext(name || %(salt)s)) %% 100 < 25
on conflict do nothing

-- name: an_alias_is_taken_back
delete from common.merchant_aliases where user_id = %(user)s

-- name: merchants_are_one
update common.transactions
set merchant_id = (
    select id from common.merchants
    where user_id = %(user)s order by md5(name || %(salt)s) limit 1
)
where {some}

-- name: a_merchant_is_renamed
update common.merchants set name = name || ' ' || %(salt)s
where user_id = %(user)s and abs(hashtext(name || %(salt)s)) %% 100 < 25

-- name: the_user_names_merchants
update common.merchants set display_name = 'my ' || name || %(salt)s
where user_id = %(user)s and abs(hashtext(name || %(salt)s)) %% 100 < 25

-- name: the_user_takes_names_back
update common.merchants set display_name = null where user_id = %(user)s

-- name: an_iban_is_read
update common.accounts set iban = 'DE89370400440532013000' where user_id = %(user)s

-- name: the_user_moves
update auth.users set time_zone = 'America/New_York' where id = %(user)s

-- name: the_user_leaves
delete from auth.users where id = %(user)s and {rarely}

-- name: the_account_is_read
with requisition as (
    insert into gocardless.requisitions (
        id, user_id, institution_id, reference, status, link, payload, content_hash,
        first_seen_at, first_seen_run_id, changed_at, changed_run_id
    )
    select
        gen_random_uuid(), id, 'M', %(salt)s, 'LN', 'https://bank.invalid', '{{}}', '', now(),
        'run', now(), 'run'
    from auth.users
    where
        id = %(user)s
        and not exists (select 1 from gocardless.bank_accounts where user_id = %(user)s)
    returning id, user_id
),
opened as (
    insert into gocardless.bank_accounts (
        user_id, requisition_id, provider_account_id, account_number, name, is_card,
        transactions_through, payload, content_hash, first_seen_at, first_seen_run_id, changed_at,
        changed_run_id
    )
    select
        user_id, id, gen_random_uuid(), '1', 'Current', false, %(day)s::date - 20, '{{}}', '',
        now(), 'run', now(), 'run'
    from requisition
    returning user_id, provider_account_id
),
connected as (
    insert into common.connections (user_id, institution_id, provider, provider_connection_id)
    select accounts.user_id, accounts.institution_id, 'gocardless', %(salt)s
    from common.accounts
    inner join opened on accounts.user_id = opened.user_id
    limit 1
    returning id, user_id
)
insert into common.account_links (
    user_id, account_id, connection_id, provider, provider_account_id
)
select
    accounts.user_id, accounts.id, connected.id, 'gocardless', opened.provider_account_id::text
from common.accounts
inner join connected on accounts.user_id = connected.user_id
inner join opened on accounts.user_id = opened.user_id
limit 1

-- name: the_account_is_read_further
update gocardless.bank_accounts set transactions_through = %(day)s where user_id = %(user)s

-- name: another_version_analysed
update intermediate.int_recurring_analysed set project_digest = 'another' where {rarely}
