-- Worth and flows by day of what a return is told of: each account, and all of a user's together in
-- their own currency. A day without a rate is left out of the total, and so is what does not count.
with daily as (
    select * from {{ ref('int_investment_values_daily') }}
),

accounts as (
    select * from {{ ref('stg_common__accounts') }}
    where is_counted
),

users as (
    select * from {{ ref('stg_auth__users') }}
),

converted as (
    select
        daily.user_id,
        daily.account_id,
        daily.day,
        users.base_currency as currency,
        common.convert(
            daily.cash + daily.shares_value, daily.currency, users.base_currency, daily.day
        ) as worth,
        common.convert(daily.flow, daily.currency, users.base_currency, daily.day) as flow
    from daily
    inner join users on daily.user_id = users.user_id
    inner join accounts on daily.account_id = accounts.account_id
)

select
    user_id,
    account_id,
    account_id::text as scope,
    day,
    currency,
    cash + shares_value as worth,
    flow
from daily
union all
select
    user_id,
    null as account_id,
    'total:' || user_id as scope,
    day,
    currency,
    sum(worth) as worth,
    sum(flow) as flow
from converted
group by user_id, day, currency
having count(*) = count(worth)
