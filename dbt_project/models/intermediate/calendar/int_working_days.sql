{{
    config(
        materialized='working_table',
        indexes=[{'columns': ['country', 'day'], 'unique': true}]
    )
}}

-- The calendar of each country that is needed, from before the first payment to two years ahead.
-- Account by account, an index knows both ends without a look at each payment.
with holidays as (
    select * from {{ ref('bank_holidays') }}
),

countries as (
    select country from {{ ref('int_accounts_located') }}
    union
    select '' as country
),

bounds as (
    select
        coalesce(min(booked.first_day), {{ as_of_date("'UTC'") }}) - 430 as first_day,
        greatest(max(booked.last_day), {{ as_of_date("'UTC'") }}) + 800 as last_day
    from {{ ref('int_accounts_located') }} as accounts
    cross join
        lateral (
            select
                min(transactions.booking_date) as first_day,
                max(transactions.booking_date) as last_day
            from {{ ref('stg_common__transactions') }} as transactions
            where transactions.account_id = accounts.account_id
        ) as booked
),

closed as (
    select
        holidays.country,
        to_date(holidays.year || '-' || closed_day.month_and_day, 'YYYY-MM-DD') as day
    from holidays
    cross join
        lateral
        regexp_split_to_table(holidays.days, ' ') as closed_day (month_and_day)
    where closed_day.month_and_day <> ''
),

calendar as (
    select
        countries.country,
        days.day::date as day
    from bounds
    cross join
        lateral
        generate_series(bounds.first_day, bounds.last_day, interval '1 day') as days (day)
    cross join countries
),

marked as (
    select
        calendar.country,
        calendar.day,
        extract(isodow from calendar.day) < 6 and closed.day is null as is_working
    from calendar
    left join closed on calendar.country = closed.country and calendar.day = closed.day
)

-- Both windows grow from one end: one that shrinks is counted anew on each day.
select
    country,
    day,
    is_working,
    coalesce(min(day) filter (where is_working) over (
        partition by country order by day desc rows between unbounded preceding and current row
    ), day) as next_working_day,
    coalesce(max(day) filter (where is_working) over (
        partition by country order by day rows between unbounded preceding and current row
    ), day) as previous_working_day
from marked
