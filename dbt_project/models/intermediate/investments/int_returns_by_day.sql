-- The growth of each day, freed of what was paid in or out on it: money that comes works from its
-- day on, and money that leaves worked to the end of it.
with series as (
    select * from {{ ref('int_returns_series') }}
),

placed as (
    select
        series.*,
        coalesce(
            lag(series.worth) over (partition by series.scope order by series.day), 0
        ) as worth_before
    from series
)

select
    scope,
    user_id,
    account_id,
    day,
    currency,
    worth,
    flow,
    case
        when worth_before + greatest(flow, 0) > 0
            then trim_scale(
                (worth - least(flow, 0)) / (worth_before + greatest(flow, 0))
            )
    end as growth
from placed
