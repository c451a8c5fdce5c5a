-- Syncs that went otherwise than the one before them of the same connection: the first that was
-- read, one that failed, the first that worked again. What was only deferred goes by itself and
-- says neither. Two days later it is no news any more. The ledger's clock may stand still, so what
-- began at the same instant is in the order in which it was written.
with told as not materialized (
    select
        j.id,
        j.connection_id,
        j.user_id,
        j.started_at,
        j.created_at,
        case
            when j.status = 'completed' then 'sync_complete'
            when jsonb_path_exists(j.outcome, '$.*.accounts[*] ? (@.status == "failed")')
                then 'sync_failed'
        end as type,
        jsonb_path_query_first(
            j.outcome, '$.*.accounts[*] ? (@.status == "failed").reason'
        ) #>> '{}' as reason
    from common.jobs as j
    where j.job_type = 'sync' and j.status in ('completed', 'partial', 'failed')
)

select
    t.user_id,
    t.type,
    t.id::text as dedup_key,
    case
        when t.type = 'sync_failed'
            then format('%s could not be read: %s.', i.name, rtrim(t.reason, '.'))
        when before.type is null then format('%s was read for the first time.', i.name)
        else format('%s is read again.', i.name)
    end as message
from told as t
inner join common.connections as c on t.connection_id = c.id
inner join common.institutions as i on c.institution_id = i.id
left join lateral (
    select b.type
    from told as b
    where
        b.connection_id = t.connection_id
        and (b.started_at, b.created_at) < (t.started_at, t.created_at)
        and b.type is not null
    order by b.started_at desc, b.created_at desc
    limit 1
) as before on true
where
    t.started_at > :now - interval '2 days'
    and t.type is distinct from before.type
    and t.type is not null
