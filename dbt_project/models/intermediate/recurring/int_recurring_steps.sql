-- Each payment of a family against each cadence worth a try: how many periods after the one before
-- it came, and how many days beside the day that was due. Months are stepped as months, and a due
-- day on a weekend may be kept on the working day after or before it.
with families as (
    select * from {{ ref('int_recurring_families') }}
),

rhythms as (
    select * from {{ ref('int_recurring_rhythms') }}
),

tried as (
    select
        families.transaction_id,
        families.family_key,
        families.booking_date,
        families.amount,
        cadences.frequency,
        cadences.unit,
        cadences.period,
        cadences.tolerance,
        rhythms.nominal_day,
        {{ month_start('(families.booking_date + 15 - rhythms.nominal_day)') }} as due_month,
        families.booking_date - lag(families.booking_date) over in_order as gap_days
    from families
    inner join rhythms on families.family_key = rhythms.family_key
    inner join {{ recurring_cadences() }}
        on rhythms.median_gap between cadences.gap_min and cadences.gap_max
    window in_order as (
        partition by families.family_key, cadences.frequency
        order by families.booking_date, families.transaction_id
    )
),

nominal as (
    select
        *,
        {{ day_in_month('due_month', 'nominal_day') }} as due_date,
        (extract(year from due_month) * 12 + extract(month from due_month))::integer as month_number
    from tried
),

stepped as (
    select
        *,
        month_number - lag(month_number) over (
            partition by family_key, frequency order by booking_date, transaction_id
        ) as gap_months
    from nominal
),

measured as (
    select
        *,
        case
            when unit = 'month' then round(gap_months::numeric / period)
            else round(gap_days::numeric / period)
        end::integer as periods,
        case
            when unit = 'month'
                then least(
                    abs(booking_date - due_date),
                    abs(booking_date - {{ working_day('due_date', "'next'") }}),
                    abs(booking_date - {{ working_day('due_date', "'previous'") }})
                )
            else abs(gap_days - period * round(gap_days::numeric / period))
        end::integer as days_off
    from stepped
)

select
    transaction_id,
    family_key,
    frequency,
    booking_date,
    amount,
    due_date,
    periods,
    days_off,
    coalesce(periods = 0, false) as is_repeat,
    days_off <= tolerance
    and coalesce(periods, 1) > 0
    and (unit = 'day' or coalesce(gap_months % period, 0) = 0) as is_on_time
from measured
