{{
    config(
        materialized='incremental',
        on_schema_change='fail',
        pre_hook="{{ forget_accounts_in_scope() }}",
        indexes=[
            {'columns': ['user_id', 'next_expected_date']},
            {'columns': ['account_id']},
            {'columns': ['merchant_id']},
        ]
    )
}}

with series as (
    select * from {{ ref('int_recurring_series_summarised') }}
),

outlooks as (
    select * from {{ ref('int_recurring_outlooks') }}
),

confidences as (
    select * from {{ ref('int_recurring_confidences') }}
),

descriptions as (
    select * from {{ ref('int_recurring_descriptions') }}
)

select
    series.pattern_key,
    series.user_id,
    series.account_id,
    series.merchant_id,
    series.merchant_name,
    descriptions.name,
    series.direction,
    series.frequency,
    descriptions.schedule,
    series.schedule_kind,
    series.nominal_day,
    series.nominal_weekday,
    series.shift,
    series.rest_months::integer[] as rest_months,
    series.country,
    series.currency,
    series.expected_amount,
    series.expected_low,
    series.expected_high,
    series.amount_min,
    series.amount_max,
    series.price_changed_on,
    series.price_before,
    confidences.confidence,
    case
        when outlooks.is_ended then 'ended'
        when outlooks.is_overdue then 'overdue'
        when series.occurrences >= 3 and confidences.confidence >= 0.8 then 'confirmed'
        else 'tentative'
    end as state,
    series.occurrences,
    series.first_date,
    series.last_date,
    case when not outlooks.is_ended then outlooks.next_date end as next_expected_date,
    case when not outlooks.is_ended then outlooks.next_nominal_date end as next_nominal_date,
    outlooks.is_ended,
    case
        when not outlooks.is_ended
            then round(series.expected_amount * (cadences.per_year - series.rest_count) / 12, 2)
    end as monthly_cost,
    case
        when not outlooks.is_ended
            then round(series.expected_amount * (cadences.per_year - series.rest_count), 2)
    end as yearly_cost,
    descriptions.reasons
from series
inner join outlooks on series.pattern_key = outlooks.pattern_key
inner join confidences on series.pattern_key = confidences.pattern_key
inner join descriptions on series.pattern_key = descriptions.pattern_key
inner join {{ recurring_cadences() }} on series.frequency = cadences.frequency
