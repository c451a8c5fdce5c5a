-- What each series says about itself. It is known by its first payment; what it is known by when
-- that one is void, or an earlier one turns up, is the ledger's to decide.
with payments as (
    select * from {{ ref('int_recurring_payments') }}
),

schedules as (
    select * from {{ ref('int_recurring_schedules') }}
),

prices as (
    select * from {{ ref('int_recurring_prices') }}
),

rests as (
    select * from {{ ref('int_recurring_rests') }}
),

merchants as (
    select distinct
        series_key,
        merchant_id,
        merchant_payments
    from payments
),

shops as (
    select
        series_key,
        sum(merchant_payments)::integer as payments
    from merchants
    group by series_key
),

figures as (
    select
        series_key,
        user_id,
        account_id,
        country,
        direction,
        currency,
        frequency,
        unit,
        period,
        (array_agg(merchant_id order by age))[1] as merchant_id,
        (array_agg(merchant_name order by age))[1] as merchant_name,
        (array_agg(transaction_id order by position))[1]::text as pattern_key,
        count(*)::integer as occurrences,
        min(booking_date) as first_date,
        max(booking_date) as last_date,
        min(amount) as amount_min,
        max(amount) as amount_max
    from payments
    group by
        series_key, user_id, account_id, country, direction, currency, frequency, unit, period
)

select
    figures.*,
    -- How often the merchant was paid on the account, in this series or not.
    shops.payments as merchant_payments,
    -- The due day of the last payment, or the month that it lies in.
    case
        when figures.unit = 'month'
            then {{ month_start(scheduled_month_of(
                'figures.last_date', 'schedules.nominal_day', 'schedules.nominal_weekday'
            )) }}
        else {{ nearest_of_period(
            'figures.last_date', 'schedules.nominal_day', 'figures.period'
        ) }}
    end as last_due,
    schedules.kind as schedule_kind,
    schedules.nominal_day,
    schedules.nominal_weekday,
    schedules.shift,
    rests.rest_months,
    coalesce(rests.rest_count, 0) as rest_count,
    schedules.tried_count,
    schedules.exact_count,
    schedules.moved_count,
    schedules.mean_days_off,
    prices.expected_amount,
    prices.expected_low,
    prices.expected_high,
    prices.amount_variation,
    prices.price_changed_on,
    prices.price_before
from figures
inner join schedules on figures.series_key = schedules.series_key
inner join prices on figures.series_key = prices.series_key
inner join shops on figures.series_key = shops.series_key
left join rests on figures.series_key = rests.series_key
