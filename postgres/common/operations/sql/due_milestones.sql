-- Milestones that are not marked yet, with the first day from their start on which net worth was at
-- their target. Net worth is worked out once a user and currency.
with unmarked as (
    select
        m.user_id,
        m.currency,
        min(m.starts_on) as first_day,
        common.local_day(cast(:now as timestamptz), u.time_zone) as last_day
    from common.financial_milestones as m
    inner join auth.users as u on u.id = m.user_id
    where m.reached_on is null and (cast(:user_id as uuid) is null or m.user_id = :user_id)
    group by m.user_id, m.currency, u.time_zone
),

worth as materialized (
    select
        o.user_id,
        o.currency,
        w.day,
        w.assets + w.liabilities as amount
    from unmarked as o
    cross join lateral common.net_worth(o.user_id, o.currency, o.first_day, o.last_day) as w
    where w.unconverted = '{}'
),

due as (
    select
        m.id,
        (
            select min(w.day)
            from worth as w
            where
                w.user_id = m.user_id
                and w.currency = m.currency
                and w.day >= m.starts_on
                and w.amount >= m.target_amount
        ) as reached_on
    from common.financial_milestones as m
    where m.reached_on is null and (cast(:user_id as uuid) is null or m.user_id = :user_id)
    order by m.id
    for update
)

select
    id,
    reached_on
from due
where reached_on is not null
