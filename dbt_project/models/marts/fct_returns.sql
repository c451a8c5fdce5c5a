with days as (
    select * from {{ ref('int_returns_by_day') }}
),

rates as (
    select * from {{ ref('int_returns_money_weighted') }}
),

summarised as (
    select
        scope,
        user_id,
        account_id,
        currency,
        min(day) as first_day,
        max(day) as last_day,
        sum(flow) filter (where flow > 0) as paid_in,
        sum(flow) filter (where flow < 0) as paid_out,
        (array_agg(worth order by day desc))[1] as worth,
        -- Nothing grows from nothing, and nothing comes back from it.
        case
            when bool_or(growth <= 0) then 0
            else exp(sum(ln(growth)) filter (where growth > 0))
        end as growth
    from days
    group by scope, user_id, account_id, currency
)

select
    summarised.scope,
    summarised.user_id,
    summarised.account_id,
    summarised.currency,
    summarised.first_day,
    summarised.last_day,
    coalesce(summarised.paid_in, 0) as paid_in,
    coalesce(summarised.paid_out, 0) as paid_out,
    summarised.worth,
    summarised.worth - coalesce(summarised.paid_in, 0) - coalesce(summarised.paid_out, 0)
        as profit,
    round(summarised.growth - 1, 6) as time_weighted_return,
    case
        when summarised.last_day - summarised.first_day >= 365
            then round(
                power(summarised.growth, 365.0 / (summarised.last_day - summarised.first_day)) - 1,
                6
            )
    end as time_weighted_yearly,
    round(rates.yearly_rate::numeric, 6) as money_weighted_yearly
from summarised
left join rates on summarised.scope = rates.scope
