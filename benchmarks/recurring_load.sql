-- The rows of a file become a ledger: a user an account, merchants as the platform names them.
-- Nobody watches, so what triggers would do for users and budgets is left out, and where the server
-- allows it the check of each reference as well.
insert into common.institutions (id, provider, provider_institution_id, name)
values (
    md5('institution')::uuid, 'gocardless', 'STATEMENT_FILE', 'Statement file'
);

create temporary table statement_names as
select
    texts.text,
    common.normalise_merchant(texts.text) as name
from (
    select distinct coalesce(counterparty, description, '') as text
    from statement_rows
) as texts;

create temporary table statement_accounts as
select
    account_id,
    md5('user|' || account_id)::uuid as user_key,
    md5('account|' || account_id)::uuid as account_key,
    mode() within group (order by currency) as currency
from statement_rows
group by account_id;

-- Where the account is kept follows from its currency, if that is one country's only: its working
-- days are known then. Elsewhere weekends are all that is known of them.
insert into auth.users (id, name, password_hash, time_zone)
select
    user_key,
    account_id,
    'none',
    case currency
        when 'GBP' then 'Europe/London'
        when 'CZK' then 'Europe/Prague'
        when 'PLN' then 'Europe/Warsaw'
        when 'SEK' then 'Europe/Stockholm'
        when 'NOK' then 'Europe/Oslo'
        when 'DKK' then 'Europe/Copenhagen'
        when 'HUF' then 'Europe/Budapest'
        when 'RON' then 'Europe/Bucharest'
        when 'BGN' then 'Europe/Sofia'
        else 'UTC'
    end
from statement_accounts;

insert into common.accounts (
    id, user_id, institution_id, account_number, currency, account_type, category, name
)
select
    account_key, user_key, md5('institution')::uuid, account_id, currency, 'bank', 'bank_account',
    account_id
from statement_accounts;

insert into common.merchants (id, user_id, name)
select distinct
    md5('merchant|' || rows.account_id || '|' || names.name)::uuid,
    md5('user|' || rows.account_id)::uuid,
    names.name
from statement_rows as rows
inner join statement_names as names
    on names.text = coalesce(rows.counterparty, rows.description, '')
where names.name <> '';

alter table common.transactions disable trigger user;

do $$
begin
    perform set_config('session_replication_role', 'replica', true);
exception when insufficient_privilege then
    null;
end $$;

insert into common.transactions (
    id, user_id, account_id, source_key, status, amount, currency, booking_date, description,
    counterparty_name, merchant_id, kind, raw_table, raw_id, first_seen_at
)
select
    md5(rows.account_id || '|' || rows.transaction_id)::uuid,
    md5('user|' || rows.account_id)::uuid,
    md5('account|' || rows.account_id)::uuid,
    rows.transaction_id,
    rows.status,
    rows.amount,
    rows.currency,
    rows.booking_date,
    rows.description,
    rows.counterparty,
    case
        when names.name <> ''
            then md5('merchant|' || rows.account_id || '|' || names.name)::uuid
    end,
    'payment',
    'statement_file',
    md5(rows.transaction_id)::uuid,
    rows.booking_date
from statement_rows as rows
inner join statement_names as names
    on names.text = coalesce(rows.counterparty, rows.description, '');

alter table common.transactions enable trigger user;

analyze common.transactions, common.merchants, common.accounts, auth.users;
