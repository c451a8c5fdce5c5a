-- Which period of a series a payment lies in: those that it claims, and those of the same merchant
-- that nothing claims, or of its price to the penny. The latter only where they seldom lie on a due
-- day by chance.
with claims as (
    select
        claims.*,
        successions.series_key
    from {{ ref('int_recurring_claims') }} as claims
    inner join {{ ref('int_recurring_successions') }} as successions
        on claims.family_key = successions.family_key
),

candidates as (
    select * from {{ ref('int_recurring_candidates') }}
),

cores as (
    select
        claims.series_key,
        claims.frequency,
        cadences.unit,
        cadences.period,
        cadences.tolerance,
        (array_agg(claims.stream_key order by claims.booking_date desc))[1] as stream_key,
        (array_agg(claims.nominal_day order by claims.booking_date desc))[1] as nominal_day,
        min(claims.booking_date) as anchor_date,
        percentile_disc(0.5) within group (order by claims.amount) as usual_amount
    from claims
    inner join {{ recurring_cadences() }} on claims.frequency = cadences.frequency
    group by
        claims.series_key, claims.frequency, cadences.unit, cadences.period, cadences.tolerance
),

prices as (
    select distinct
        claims.series_key,
        candidates.account_id,
        candidates.currency,
        claims.amount
    from claims
    inner join candidates on claims.transaction_id = candidates.transaction_id
),

free as (
    select
        candidates.transaction_id,
        candidates.stream_key,
        candidates.account_id,
        candidates.currency,
        candidates.booking_date,
        candidates.amount,
        count(*) over by_stream as free_count,
        max(candidates.booking_date) over by_stream
        - min(candidates.booking_date) over by_stream as free_days,
        count(*) over (
            partition by candidates.account_id, candidates.currency, candidates.amount
        ) as twin_count
    from candidates
    left join claims on candidates.transaction_id = claims.transaction_id
    where claims.transaction_id is null
    window by_stream as (partition by candidates.stream_key)
),

payments as (
    select
        series_key,
        transaction_id,
        booking_date,
        amount,
        true as is_claimed
    from claims
    union all
    select
        cores.series_key,
        free.transaction_id,
        free.booking_date,
        free.amount,
        false as is_claimed
    from cores
    inner join free
        on
            cores.stream_key = free.stream_key
            and free.amount / cores.usual_amount between 0.4 and 2.5
    where free.free_count * (2 * cores.tolerance + 1) < 0.4 * greatest(free.free_days, 180)
    union
    -- The same price to the penny, under a wording that nobody knows.
    select
        prices.series_key,
        free.transaction_id,
        free.booking_date,
        free.amount,
        false as is_claimed
    from prices
    inner join free
        on
            prices.account_id = free.account_id
            and prices.currency = free.currency
            and prices.amount = free.amount
    where free.twin_count <= 6 and {{ significant_digits('free.amount') }} >= 3
),

due as (
    select
        payments.*,
        cores.stream_key,
        cores.frequency,
        cores.unit,
        cores.period,
        cores.tolerance,
        cores.nominal_day,
        cores.anchor_date,
        abs(ln(payments.amount / cores.usual_amount)) as price_distance,
        {{ month_start('(payments.booking_date + 15 - cores.nominal_day)') }} as due_month,
        {{ month_start('(cores.anchor_date + 15 - cores.nominal_day)') }} as anchor_month
    from payments
    inner join cores on payments.series_key = cores.series_key
),

placed as (
    select
        *,
        case when unit = 'month' then {{ day_in_month('due_month', 'nominal_day') }} end
            as due_date,
        case
            when unit = 'month'
                then (
                    (extract(year from due_month) - extract(year from anchor_month)) * 12
                    + extract(month from due_month) - extract(month from anchor_month)
                ) / period
            else round((booking_date - anchor_date)::numeric / period)
        end as slot
    from due
)

select
    series_key,
    stream_key,
    frequency,
    nominal_day,
    tolerance,
    transaction_id,
    booking_date,
    amount,
    is_claimed,
    price_distance,
    due_date,
    round(slot)::integer as slot,
    case
        when unit = 'month'
            then least(
                abs(booking_date - due_date),
                abs(booking_date - {{ working_day('due_date', "'next'") }}),
                abs(booking_date - {{ working_day('due_date', "'previous'") }})
            )
        else abs(booking_date - anchor_date - period * slot)
    end::integer as days_off
from placed
where is_claimed or slot = round(slot)
