{{ config(materialized='view') }}

-- The months of the year in which a monthly series rests, as council tax that is paid in ten of
-- twelve. They are those of a break of two to four months that the series came back from, if it was
-- never paid in any of them and nothing else of it is missing: a single month is a payment that was
-- skipped. Months in which nothing else came back on the account were perhaps not read.
with payments as (
    select * from {{ ref('int_recurring_payments') }}
),

busy as (
    select distinct
        account_id,
        {{ month_start('booking_date') }} as month
    from payments
),

schedules as (
    select * from {{ ref('int_recurring_schedules') }}
),

paid as (
    select distinct
        payments.series_key,
        payments.account_id,
        {{ month_start(scheduled_month_of(
            'payments.booking_date', 'schedules.nominal_day', 'schedules.nominal_weekday'
        )) }} as month
    from payments
    inner join schedules on payments.series_key = schedules.series_key
    where payments.frequency = 'monthly'
),

stepped as (
    select
        series_key,
        account_id,
        month,
        lead(month) over (partition by series_key order by month) as next_month
    from paid
),

missing as (
    select
        stepped.series_key,
        extract(month from missed.month)::integer as month_of_year,
        {{ months_between('stepped.month', 'stepped.next_month') }} - 1 as break_months,
        busy.month is not null as is_read
    from stepped
    cross join
        lateral generate_series(
            stepped.month + interval '1 month',
            stepped.next_month - interval '1 month',
            interval '1 month'
        ) as missed (month)
    left join busy on stepped.account_id = busy.account_id and missed.month = busy.month
),

steady as (
    select series_key
    from missing
    group by series_key
    having min(break_months) >= 2 and max(break_months) <= 4 and bool_and(is_read)
),

worked as (
    select distinct
        series_key,
        extract(month from month)::integer as month_of_year
    from paid
),

rests as (
    select distinct
        missing.series_key,
        missing.month_of_year
    from missing
    inner join steady on missing.series_key = steady.series_key
),

-- Of a month in which it was paid once nobody knows.
doubtful as (
    select distinct rests.series_key
    from rests
    inner join worked
        on rests.series_key = worked.series_key and rests.month_of_year = worked.month_of_year
)

select
    rests.series_key,
    -- As text: fixtures of unit tests have no arrays.
    array_agg(rests.month_of_year order by rests.month_of_year)::text as rest_months,
    count(*)::integer as rest_count
from rests
left join doubtful on rests.series_key = doubtful.series_key
where doubtful.series_key is null
group by rests.series_key
