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
        or common.due_steps(p.anchor_date, p.frequency, p.settled_through)
        - common.due_steps(
            p.anchor_date,
            p.frequency,
            greatest(p.last_date, cast(p.decided_at as date)) + common.due_leeway(p.frequency)
        ) >= 3
    )
