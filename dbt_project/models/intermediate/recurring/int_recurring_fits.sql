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
    select
        stream_key,
        direction,
        coalesce(bool_or(is_cash), false) as is_cash
    from {{ ref('int_recurring_candidates') }}
    group by stream_key, direction
),

measures as (
    select
        steps.family_key,
        steps.frequency,
        count(steps.is_on_time)::numeric as judged_count,
        count(*) filter (where steps.is_on_time) as on_time_count,
        count(*) filter (where steps.is_repeat) as repeat_count,
        1 + coalesce(sum(steps.periods), 0) as period_count,
        coalesce(max(steps.periods), 0) as longest_break,
        coalesce(avg(steps.days_off), 0) as mean_days_off,
        -- How unlikely it is that payments on any day would lie so near the due days, in bits. The
        -- first one sets the rhythm and proves nothing.
        coalesce(
            sum(ln(365.25 / cadences.per_year / (2 * steps.days_off + 1)) / ln(2))
            filter (where steps.is_on_time and steps.periods > 0),
            0
        ) as evidence
    from steps
    inner join {{ recurring_cadences() }} on steps.frequency = cadences.frequency
    group by steps.family_key, steps.frequency
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
        directions.is_cash,
        cadences.base_repeats,
        cadences.tolerance,
        measures.mean_days_off,
        measures.longest_break,
        measures.evidence,
        -ln(4 * rhythms.amount_variation + 0.05) / ln(2) - 1 as amount_evidence,
        rhythms.family_count - measures.repeat_count as kept_count,
        rhythms.stream_count - rhythms.family_count as other_count,
        measures.repeat_count,
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
        -- Amounts that vary are chosen from many, so two rows are enough only if they are all
        -- there is, and each doubling of the others asks for one more. One amount to the penny has
        -- nothing to choose; nor has a merchant that is paid on the very day, whatever the sum, or
        -- on time and nothing else, if the sum is about the same.
        base_repeats
        + case
            when
                amount_variation < 0.001
                or (other_count = 0 and mean_days_off < 0.5)
                or (other_count = 0 and on_time_ratio = 1 and amount_variation <= 0.25)
                or (other_count <= 3 and mean_days_off < 0.5 and amount_variation <= 0.12)
                then 0
            else
                ceil(ln(1 + other_count) / ln(2))
                + case
                    when amount_variation > 0.25 then 3
                    when amount_variation > 0.12 then 1
                    else 0
                end
        end as needed_count,
        evidence - ln(1 + other_count) / ln(2)
        + case
            -- Of two payments the amounts have to tell as well: how near they are.
            when kept_count = 2 then amount_evidence
            when amount_variation < 0.001
                then
                    case
                        -- Particular, or far from anything else that the merchant is paid.
                        when on_time_ratio = 1 and (is_unround or level between 1 and 2)
                            then amount_evidence
                        when on_time_ratio = 1 and other_count = 0 then 1.5
                        when not is_unround and other_count > 0 then -3
                        else 0
                    end
            -- So they do of three that are all there is; and few pay a household anything.
            when kept_count = 3 and other_count = 0
                then
                    greatest(0, amount_evidence)
                    + case when direction = 'income' then 1.5 else 0 end
            else 0
        end as net_evidence,
        on_time_ratio - 0.4 * mean_days_off / (tolerance + 1) - 0.3 * (1 - filled_ratio)
        - repeat_ratio as score
    from ratios
),

judged as (
    select
        *,
        kept_count >= needed_count
        and net_evidence >= 7
        -- One that came twice in a period is no second habit if all amounts are alike.
        and (repeat_ratio <= 0.15 or (repeat_count = 1 and amount_variation < 0.02))
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
        and (kept_count > 2 or amount_variation <= 0.25)
        -- Of so few none is missing, or all are alike.
        and (kept_count > 3 or filled_ratio = 1 or amount_variation <= 0.05)
        -- After a long break at another price it is another one.
        and (longest_break <= 4 or amount_variation <= 0.12)
        -- What varies widely is a bill, which has its day, and no habit.
        and (
            amount_variation <= 0.35
            or mean_days_off <= 1
            or (other_count = 0 and direction = 'expense')
        )
        -- Cash is drawn in round sums and comes in when it is there.
        and (not is_cash or (direction = 'expense' and amount_variation < 0.001 and is_unround))
            as is_accepted
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
    evidence,
    net_evidence,
    other_count,
    direction,
    is_unround,
    score,
    is_accepted
from judged
order by family_key asc, is_accepted desc, score desc, frequency asc
