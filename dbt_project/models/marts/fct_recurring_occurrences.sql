{{
    config(
        indexes=[
            {'columns': ['pattern_key']},
            {'columns': ['user_id', 'booking_date']},
        ]
    )
}}

with series as (
    select * from {{ ref('int_recurring_series') }}
),

patterns as (
    select * from {{ ref('int_recurring_series_summarised') }}
)

select
    series.transaction_id,
    patterns.pattern_key,
    patterns.user_id,
    series.booking_date,
    series.amount
from series
inner join patterns on series.series_key = patterns.series_key
