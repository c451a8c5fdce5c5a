-- The yearly rate at which all that was paid in and out makes up what there is: halved 100 times
-- between the loss of nearly all and a gain of a millionfold a year, where the value of the flows
-- changes its sign once.
with recursive series as (
    select * from {{ ref('int_returns_series') }}
),

ends as (
    select distinct on (scope)
        scope,
        day as last_day,
        worth
    from series
    order by scope asc, day desc
),

flows as (
    select
        series.scope,
        array_agg(series.flow::double precision order by series.day) as amounts,
        array_agg(((ends.last_day - series.day) / 365.0)::double precision order by series.day)
            as years,
        max(ends.worth)::double precision as worth,
        max(ends.last_day - series.day) as days
    from series
    inner join ends on series.scope = ends.scope
    where series.flow <> 0
    group by series.scope
),

-- In logarithms, so that both ends of the range are found as well as its middle.
halved as (
    select
        scope,
        ln(0.000001::double precision) as low,
        ln(1000000::double precision) as high,
        0 as step
    from flows
    where days > 0 and worth >= 0
    union all
    select
        halved.scope,
        case when tried.is_too_low then tried.middle else halved.low end as low,
        case when tried.is_too_low then halved.high else tried.middle end as high,
        halved.step + 1 as step
    from halved
    inner join flows on halved.scope = flows.scope
    cross join
        lateral (
            select
                (halved.low + halved.high) / 2 as middle,
                flows.worth > sum(
                    paid.amount * exp(least((halved.low + halved.high) / 2 * paid.years, 600))
                ) as is_too_low
            from unnest(flows.amounts, flows.years) as paid (amount, years)
        ) as tried
    where halved.step < 100
)

select
    scope,
    round((exp((low + high) / 2) - 1)::numeric, 10)::double precision as yearly_rate
from halved
where
    step = 100
    -- At the edge nothing was found.
    and low > ln(0.000002::double precision)
    and high < ln(500000::double precision)
