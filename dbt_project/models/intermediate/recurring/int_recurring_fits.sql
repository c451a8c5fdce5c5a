{{ config(materialized='table', post_hook="{{ analyze(this) }}") }}

-- How well each family fits each cadence, and whether that is more than chance. A merchant that is
-- visited often offers many families, and some look regular by luck: the more other payments there
-- are, the more repeats it takes.
with steps as (
    select * from {{ ref('int_recurring_steps') }}
),

rhythms as (
    select * from {{ ref('int_recurring_rhythms') }}
),

directions as (
    select distinct
        stream_key,
        direction
    from {{ ref('int_recurring_candidates') }}
),

measures as (
    select
        family_key,
        frequency,
        count(is_on_time)::numeric as judged_count,
        count(*) filter (where is_on_time) as on_time_count,
        count(*) filter (where is_repeat) as repeat_count,
        1 + coalesce(sum(periods), 0) as period_count,
        coalesce(avg(days_off), 0) as mean_days_off
    from steps
    group by family_key, frequency
),

ratios as (
    select
        measures.family_key,
        measures.frequency,
        rhythms.stream_key,
        rhythms.level,
        rhythms.nominal_day,
        rhythms.amount_variation,
        rhythms.is_unround,
        directions.direction,
        cadences.base_repeats,
        cadences.tolerance,
        measures.mean_days_off,
        rhythms.family_count - measures.repeat_count as kept_count,
        rhythms.stream_count - rhythms.family_count as other_count,
        measures.on_time_count / greatest(measures.judged_count, 1) as on_time_ratio,
        measures.repeat_count::numeric / rhythms.family_count as repeat_ratio,
        (rhythms.family_count - measures.repeat_count)::numeric
        / measures.period_count as filled_ratio
    from measures
    inner join rhythms on measures.family_key = rhythms.family_key
    inner join directions on rhythms.stream_key = directions.stream_key
    inner join {{ recurring_cadences() }} on measures.frequency = cadences.frequency
),

guarded as (
    select
        *,
        -- Two rows are enough only if they are all there is; each doubling of the others asks for
        -- one more, unless the amount is exact and odd and never late.
        base_repeats
        + ceil(ln(1 + other_count) / ln(2))
        + case when amount_variation > 0.25 then 3 when amount_variation > 0.12 then 1 else 0 end
        - case
            when amount_variation < 0.001 and is_unround and on_time_ratio = 1 then 2 else 0
        end as needed_count,
        on_time_ratio - 0.4 * mean_days_off / (tolerance + 1) - 0.3 * (1 - filled_ratio)
        - repeat_ratio as score
    from ratios
),

judged as (
    select
        *,
        kept_count >= greatest(needed_count, base_repeats)
        and repeat_ratio <= 0.15
        and filled_ratio >= 0.6
        and (
            on_time_ratio >= 0.75
            -- All that a merchant gets, once in nearly every period of many: the day may wander.
            or (
                on_time_ratio >= 0.6
                and kept_count >= 12
                and other_count = 0
                and repeat_ratio <= 0.05
                and filled_ratio >= 0.9
                and amount_variation <= 0.25
            )
        )
        -- Spending that comes weekly and varies is shopping.
        and (
            direction = 'income'
            or frequency not in ('weekly', 'fortnightly')
            or amount_variation <= 0.08
        )
        and (kept_count > 2 or amount_variation <= 0.25) as is_accepted
    from guarded
)

select distinct on (family_key)
    family_key,
    stream_key,
    level,
    frequency,
    nominal_day,
    kept_count,
    on_time_ratio,
    filled_ratio,
    repeat_ratio,
    amount_variation,
    mean_days_off,
    score,
    is_accepted
from judged
order by family_key asc, is_accepted desc, score desc, frequency asc
