{{
    config(
        materialized='table',
        indexes=[{'columns': ['account_id'], 'unique': true}],
        post_hook="{{ analyze(this) }}"
    )
}}

-- Which accounts this run looks at: those whose transactions changed since they were analysed last
-- have their series found anew, and those for which only the day or the reading moved on are told
-- anew when payments are due. What was analysed is noted last, so a run that broke off is made up
-- for by the next one.
with accounts as (
    select * from {{ ref('int_accounts_fingerprinted') }}
)
{%- set analysed = recurring_analysed() %}

select
    accounts.account_id,
    accounts.transactions_digest,
    accounts.outlook_digest,
    {% if analysed -%}
        analysed.transactions_digest is distinct from accounts.transactions_digest as is_changed
from accounts
left join {{ analysed }} as analysed on accounts.account_id = analysed.account_id
where
    analysed.transactions_digest is distinct from accounts.transactions_digest
    or analysed.outlook_digest is distinct from accounts.outlook_digest
    {%- else -%}
        true as is_changed
from accounts
    {%- endif %}
