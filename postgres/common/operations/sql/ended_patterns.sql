-- Active patterns that come no more: detection says so, or three due days went by since the last
-- payment, or since the user decided on the pattern, and nothing was linked.
select
    p.id as pattern_id,
    p.user_id,
    p.name,
    p.last_date
from common.recurring_patterns as p
where
    p.status = 'active'
    and p.last_date is not null
    and (
        p.detected_is_ended
        or (
            select count(*)
            from
                generate_series(
                    1 + common.due_steps(
                        p.anchor_date,
                        p.frequency,
                        greatest(p.last_date, cast(p.decided_at as date))
                        + common.due_leeway(p.frequency)
                    ),
                    common.due_steps(p.anchor_date, p.frequency, p.settled_through)
                ) as n (steps)
            where
                p.rest_months is null
                or extract(month from common.due_day(p.anchor_date, p.frequency, n.steps))
                <> all (p.rest_months)
        ) >= 3
    )
