-- The figures of each family that say which cadences are worth a try, and how alike its amounts
-- are.
with families as (
    select * from {{ ref('int_recurring_families') }}
),

-- Where the average gap is below half of the shortest cadence's, so is the median one: most of what
-- a household does often is dropped before anything is worked out.
seldom as (
    select family_key
    from families
    group by family_key
    having max(booking_date) - min(booking_date) >= 3 * (count(*) - 1)
),

gaps as (
    select
        families.family_key,
        families.stream_key,
        families.level,
        families.family_count,
        families.stream_count,
        families.booking_date,
        families.amount,
        families.booking_date - lag(families.booking_date) over (
            partition by families.family_key
            order by families.booking_date, families.transaction_id
        ) as gap_days,
        -- Where in its month a day lies, as an angle: the 31st and the 1st are neighbours.
        2 * pi() * (extract(day from families.booking_date)::double precision - 1)
        / extract(
            day from {{ month_start('families.booking_date') }}
            + interval '1 month' - interval '1 day'
        )::double precision as angle
    from families
    inner join seldom on families.family_key = seldom.family_key
),

figures as (
    select
        family_key,
        min(stream_key) as stream_key,
        min(level) as level,
        min(family_count) as family_count,
        min(stream_count) as stream_count,
        min(booking_date) as first_date,
        max(booking_date) as last_date,
        -- Of two in the middle the shorter: a payment is skipped at times, but none comes early.
        percentile_disc(0.5) within group (order by gap_days)
        filter (where gap_days > 0) as median_gap,
        coalesce(stddev_pop(amount) / abs(avg(amount)), 0) as amount_variation,
        bool_and({{ significant_digits('amount') }} >= 3) as is_unround,
        (
            1 + 30.4 * (
                atan2(avg(sin(angle)), avg(cos(angle))) / (2 * pi()) + 1
            )
        )::numeric % 30.4 as mean_day
    from gaps
    group by family_key
),

plausible as (
    select
        *,
        greatest(1, round(mean_day))::integer as anchor_day
    from figures
    where
        exists (
            select 1
            from {{ recurring_cadences() }}
            where figures.median_gap between cadences.gap_min and cadences.gap_max
        )
),

offsets as (
    select
        plausible.family_key,
        families.booking_date,
        families.booking_date - {{ day_in_month(
            month_start('(families.booking_date + 15 - plausible.anchor_day)'), 'plausible.anchor_day'
        ) }} as offset_days,
        families.booking_date >= {{ working_day(
            "(" ~ month_start('families.booking_date')
            ~ " + interval '1 month' - interval '1 day')::date", "'previous'"
        ) }} as is_month_end
    from families
    inner join plausible on families.family_key = plausible.family_key
),

month_days as (
    select
        family_key,
        round(percentile_cont(0.5) within group (order by offset_days))::integer as median_offset,
        count(*) filter (where is_month_end) as month_end_count
    from offsets
    group by family_key
)

select
    plausible.family_key,
    plausible.stream_key,
    plausible.level,
    plausible.family_count,
    plausible.stream_count,
    plausible.first_date,
    plausible.last_date,
    plausible.median_gap,
    plausible.amount_variation,
    plausible.is_unround,
    case
        when
            plausible.family_count >= 3
            and month_days.month_end_count >= 0.8 * plausible.family_count
            then 31
        else (plausible.anchor_day + month_days.median_offset + 30) % 31 + 1
    end as nominal_day
from plausible
inner join month_days on plausible.family_key = month_days.family_key
