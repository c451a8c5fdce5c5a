-- Which rule tells best the days of a series' last twelve payments: a day of the month, a weekday
-- of the month or a day of the week or weeks, kept or moved to the next or previous working day.
-- Newer payments tell more. Of rules that tell alike it is the one that the other payments of the
-- account follow.
with payments as (
    select * from {{ ref('int_recurring_payments') }}
    where age <= 12
),

working_days as (
    select * from {{ ref('int_working_days') }}
),

habits as (
    select
        payments.account_id,
        count(*) >= 12 and bool_and(working_days.is_working) as keeps_working_days
    from payments
    inner join working_days
        on payments.country = working_days.country and payments.booking_date = working_days.day
    group by payments.account_id
),

seen as (
    select
        series_key,
        'day_of_month' as kind,
        extract(day from booking_date)::integer as nominal_day,
        null::integer as nominal_weekday,
        power(0.85::double precision, age - 1) as weight
    from payments
    where unit = 'month'
    union all
    -- What falls on the end of a month may be the end of the month.
    select
        series_key,
        'day_of_month' as kind,
        31 as nominal_day,
        null::integer as nominal_weekday,
        power(0.85::double precision, age - 1) as weight
    from payments
    where
        unit = 'month'
        and extract(day from booking_date + 4) between 1 and 4
        and extract(day from booking_date) < 31
    union all
    select
        payments.series_key,
        'weekday_of_month' as kind,
        week.of_month as nominal_day,
        extract(isodow from payments.booking_date)::integer as nominal_weekday,
        power(0.85::double precision, payments.age - 1) as weight
    from payments
    cross join
        lateral
        (
            select ceil(extract(day from payments.booking_date) / 7)::integer as of_month
            union
            select 5 as of_month
            where
                extract(month from payments.booking_date + 7)
                <> extract(month from payments.booking_date)
        ) as week
    where payments.unit = 'month'
    union all
    select
        series_key,
        'day_of_period' as kind,
        (booking_date - date '1900-01-01') % period as nominal_day,
        null::integer as nominal_weekday,
        power(0.85::double precision, age - 1) as weight
    from payments
    where unit = 'day'
),

ranked as (
    select
        series_key,
        kind,
        nominal_day,
        nominal_weekday,
        row_number() over (
            partition by series_key, kind
            order by round(sum(weight)::numeric, 6) desc, nominal_day, nominal_weekday asc
        ) as rank
    from seen
    group by series_key, kind, nominal_day, nominal_weekday
),

candidates as (
    select * from ranked
    where rank <= case when kind = 'weekday_of_month' then 2 else 4 end
),

nominal as (
    select
        payments.series_key,
        payments.account_id,
        payments.country,
        payments.direction,
        payments.unit,
        payments.booking_date,
        payments.age,
        candidates.kind,
        candidates.nominal_day,
        candidates.nominal_weekday,
        case
            when payments.unit = 'month'
                then {{ scheduled_day(
                    month_start(scheduled_month_of(
                        'payments.booking_date',
                        'candidates.nominal_day',
                        'candidates.nominal_weekday'
                    )),
                    'candidates.nominal_day',
                    'candidates.nominal_weekday'
                ) }}
            else {{ nearest_of_period(
                'payments.booking_date', 'candidates.nominal_day', 'payments.period'
            ) }}
        end as nominal_date
    from payments
    inner join candidates on payments.series_key = candidates.series_key
),

tried as (
    select
        nominal.*,
        power(0.85::double precision, nominal.age - 1) as weight,
        abs(nominal.booking_date - nominal.nominal_date) as off_none,
        abs(nominal.booking_date - working_days.next_working_day) as off_next,
        abs(nominal.booking_date - working_days.previous_working_day) as off_previous,
        working_days.is_working
    from nominal
    inner join working_days
        on nominal.country = working_days.country and nominal.nominal_date = working_days.day
),

counted as (
    select
        series_key,
        account_id,
        direction,
        unit,
        kind,
        nominal_day,
        nominal_weekday,
        count(*)::integer as tried_count,
    {% for shift in ['none', 'next', 'previous'] %}
        count(*) filter (where off_{{ shift }} = 0)::integer as exact_{{ shift }},
        count(*) filter (where off_{{ shift }} = 0 and not is_working)::integer
            as moved_{{ shift }},
        sum(
            weight * case off_{{ shift }}
                when 0 then 1 when 1 then 0.45 when 2 then 0.3 when 3 then 0.3 else 0
            end
        ) as score_{{ shift }},
        sum(least(off_{{ shift }}, 15)) as off_{{ shift }}{{ "," if not loop.last }}
    {% endfor %}
    from tried
    group by series_key, account_id, direction, unit, kind, nominal_day, nominal_weekday
),

scored as (
    select
        counted.series_key,
        counted.account_id,
        counted.direction,
        counted.unit,
        counted.kind,
        counted.nominal_day,
        counted.nominal_weekday,
        counted.tried_count,
        shifts.shift,
        shifts.exact_count,
        shifts.moved_count,
        round(shifts.score::numeric, 6) as score,
        shifts.days_off::numeric / counted.tried_count as mean_days_off
    from counted
    cross join
        lateral (
            values
            (
                'none', counted.exact_none, counted.moved_none,
                counted.score_none, counted.off_none
            ),
            (
                'next', counted.exact_next, counted.moved_next,
                counted.score_next, counted.off_next
            ),
            (
                'previous', counted.exact_previous, counted.moved_previous,
                counted.score_previous, counted.off_previous
            )
        ) as shifts (shift, exact_count, moved_count, score, days_off)
),

-- What the account shows wherever a day is no working day.
shown as (
    select
        account_id,
        direction,
        unit,
        shift,
        sum(moved_count) as moved_count
    from (
        select distinct on (series_key, shift) *
        from scored
        order by series_key asc, shift asc, score desc, kind asc, nominal_day asc
    ) as best
    group by account_id, direction, unit, shift
),

preferred as (
    select distinct on (account_id, direction, unit)
        account_id,
        direction,
        unit,
        shift
    from shown
    where moved_count > 0
    order by account_id asc, direction asc, unit asc, moved_count desc, shift asc
)

select distinct on (scored.series_key)
    scored.series_key,
    scored.kind,
    scored.nominal_day,
    scored.nominal_weekday,
    scored.shift,
    scored.tried_count,
    scored.exact_count,
    scored.moved_count,
    scored.mean_days_off
from scored
inner join habits on scored.account_id = habits.account_id
left join preferred
    on
        scored.account_id = preferred.account_id
        and scored.direction = preferred.direction
        and scored.unit = preferred.unit
order by
    scored.series_key asc,
    -- A weekday of the month has to tell clearly more than a day of it.
    scored.score - case when scored.kind = 'weekday_of_month' then 1 else 0 end desc,
    scored.shift = coalesce(
        preferred.shift,
        case
            when not habits.keeps_working_days then 'none'
            when scored.direction = 'income' then 'previous'
            else 'next'
        end
    ) desc,
    scored.mean_days_off asc,
    scored.kind asc,
    scored.nominal_day desc,
    scored.nominal_weekday asc,
    scored.shift asc
