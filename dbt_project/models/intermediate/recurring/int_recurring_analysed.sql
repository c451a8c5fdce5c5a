{{
    config(
        materialized='incremental',
        indexes=[{'columns': ['account_id'], 'unique': true}],
        pre_hook="{{ forget_accounts_in_scope() }}"
    )
}}

-- What each account was when it was analysed last, and by which rules. Nothing of a run is noted
-- before all of it is done.
-- depends_on: {{ ref('fct_recurring_patterns') }}
-- depends_on: {{ ref('fct_recurring_occurrences') }}
with scope as (
    select * from {{ ref('int_recurring_scope') }}
)

select
    account_id,
    transactions_digest,
    outlook_digest,
    '{{ project_digest() }}'::text as project_digest
from scope
