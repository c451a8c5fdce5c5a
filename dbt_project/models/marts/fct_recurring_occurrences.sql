{{
    config(
        materialized='incremental',
        on_schema_change='fail',
        pre_hook="{{ forget_accounts_in_scope() }}",
        indexes=[
            {'columns': ['pattern_key']},
            {'columns': ['transaction_id']},
            {'columns': ['user_id', 'expected_date']},
        ]
    )
}}

with occurrences as (
    select * from {{ ref('int_recurring_occurrences') }}
)

select
    pattern_key || ':' || nominal_date || ':' || sequence as occurrence_key,
    pattern_key,
    user_id,
    account_id,
    status,
    expected_date,
    expected_amount,
    currency,
    transaction_id,
    booking_date,
    amount,
    days_late
from occurrences
