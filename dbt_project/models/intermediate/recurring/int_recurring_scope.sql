{{ config(indexes=[{'columns': ['account_id'], 'unique': true}]) }}

-- Which accounts this run looks at: those whose transactions changed since they were analysed last
-- have their series found anew, and those for which only the day or the reading moved on are told
-- anew when payments are due. What was analysed is noted last, so a run that broke off is made up
-- for by the next one.
{%- set noted = recurring_analysed() | trim %}
with accounts as (
    select * from {{ ref('int_accounts_fingerprinted') }}
),

analysed as (
    select
        account_id,
        transactions_digest,
        outlook_digest
    from {{ noted or ref('int_accounts_fingerprinted') }}
    where {{ 'true' if noted else 'false' }}
)

select
    accounts.account_id,
    accounts.transactions_digest,
    accounts.outlook_digest,
    coalesce(analysed.transactions_digest <> accounts.transactions_digest, true) as is_changed
from accounts
left join analysed on accounts.account_id = analysed.account_id
where
    coalesce(analysed.transactions_digest <> accounts.transactions_digest, true)
    or analysed.outlook_digest <> accounts.outlook_digest
