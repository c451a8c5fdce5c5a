{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='sync_all_columns',
        indexes=[{'columns': ['account_id'], 'unique': true}],
        pre_hook="{{ forget_accounts_in_scope() }}",
        post_hook="{{ analyze(this) }}"
    )
}}

-- What each account was when it was analysed last. Nothing of a run is noted before all of it is
-- done.
-- depends_on: {{ ref('fct_recurring_patterns') }}
-- depends_on: {{ ref('fct_recurring_occurrences') }}
with scope as (
    select * from {{ ref('int_recurring_scope') }}
)

select
    account_id,
    transactions_digest,
    outlook_digest
from scope
