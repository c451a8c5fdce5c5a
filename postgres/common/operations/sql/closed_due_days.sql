-- Due days of active patterns that are over and that nothing was linked for. A day is over once its
-- account was read, or moved, after the last day on which a payment would have counted: silence that
-- nobody listened to says nothing. What came at another price did come.
with active as (
    select
        p.*,
        common.due_leeway(p.frequency) as leeway,
        d.today,
        greatest(
            (
                select max(t.booking_date)
                from common.transactions as t
                where t.account_id = p.account_id and t.status = 'booked'
            ),
            (
                select common.local_day(max(j.finished_at), u.time_zone)
                from common.account_links as l
                inner join common.jobs as j on l.connection_id = j.connection_id
                where
                    l.account_id = p.account_id
                    and j.job_type = 'sync'
                    and j.status = 'completed'
                    and j.finished_at <= :now
            )
        ) as read_through
    from common.recurring_patterns as p
    inner join auth.users as u on p.user_id = u.id
    cross join
        lateral (select common.local_day(cast(:now as timestamptz), u.time_zone) as today) as d
    where p.status = 'active' and p.next_date < d.today
),

over as (
    select
        a.*,
        d.due_on
    from active as a
    cross join
        lateral generate_series(
            -- The next day may be shown a few days beside the one that it is counted as.
            common.due_steps(a.anchor_date, a.frequency, a.next_date + a.leeway),
            common.due_steps(
                a.anchor_date, a.frequency, least(a.read_through, a.today) - a.leeway - 1
            )
        ) as n (steps)
    cross join lateral (
        select common.due_day(a.anchor_date, a.frequency, n.steps) as due_on
    ) as d
    where
        a.read_through is not null
        and (a.rest_months is null or extract(month from d.due_on) <> all (a.rest_months))
)

select
    o.id as pattern_id,
    o.user_id,
    o.name,
    o.amount,
    o.currency,
    o.due_on,
    o.due_on + o.leeway as last_day,
    not exists (
        select
        from common.transactions as t
        inner join common.recurring_patterns as p on p.id = o.id
        where
            t.account_id = o.account_id
            and abs(t.booking_date - o.due_on) <= o.leeway
            and common.is_payment_of(p, t)
            and (o.amount is null or t.amount / o.amount between 0.5 and 2)
            and not exists (
                select from common.recurring_pattern_transactions as l
                where l.transaction_id = t.id and l.pattern_id <> o.id
            )
            and not exists (
                select from common.recurring_removals as r
                where r.transaction_id = t.id and r.pattern_id = o.id
            )
    ) as is_missed
from over as o
