-- Connections as the consents stand that they go on with: the one that was linked last, else the last
-- one that was asked for. A renewal that nobody has given yet changes nothing.
with consents as (
    select
        r.*,
        a.accepted_at + make_interval(days => a.access_valid_for_days) as ends_at,
        case
            when a.has_reconfirmation
                then coalesce(c.confirmed_at, a.accepted_at) + make_interval(days => :reconfirmed_every)
        end as reconfirm_by,
        row_number() over (
            partition by r.connection_id
            order by
                r.linked_at is not null desc,
                jsonb_exists(cast(:reasons as jsonb), r.status),
                r.changed_at desc,
                r.id
        ) as place
    from gocardless.requisitions as r
    left join gocardless.agreements as a on a.id = r.agreement_id
    left join lateral (
        select max(f.confirmed_at) as confirmed_at
        from gocardless.reconfirmations as f
        where f.agreement_id = a.id
    ) as c on true
    where
        r.removed_at is null
        and r.connection_id is not null
        and not exists (
            select 1 from gocardless.requisitions as newer
            where newer.replaces_id = r.id and newer.linked_at is not null
        )
),

standing as (
    select
        r.*,
        least(r.ends_at, r.reconfirm_by) as reads_until,
        coalesce(r.reconfirm_by < r.ends_at, false) as is_reconfirmable,
        coalesce(
            (
                -- That a consent is over, one account tells; access may be lost to single ones.
                select bool_and(told.is_lost) or bool_or(told.is_over)
                from gocardless.bank_accounts as b
                cross join lateral (
                    select
                        coalesce(bool_or(l.refusal = 'access_expired'), false) as is_lost,
                        coalesce(
                            bool_or(l.refusal in ('consent_expired', 'no_consent')), false
                        ) as is_over,
                        coalesce(bool_or(l.refusal = 'account_inactive'), false) as is_closed
                    from gocardless.rate_limits as l
                    where l.bank_account_id = b.id
                ) as told
                where b.requisition_id = r.id and not told.is_closed
            ),
            false
        ) as is_revoked
    from consents as r
    where r.place = 1
)

select
    r.connection_id as id,
    r.user_id,
    i.id as institution_id,
    'gocardless' as provider,
    r.id::text as provider_connection_id,
    case
        when r.status in ('RJ', 'SU', 'ER', 'ID') then 'error'
        when r.status = 'EX' or r.reads_until <= :now or r.is_revoked then 'expired'
        when r.status = 'LN' then 'active'
        -- One that was live, or was refused, does not wait for its first consent again.
        when r.linked_at is not null or known.status <> 'pending' then 'error'
        else 'pending'
    end as status,
    case
        when r.status = 'EX' and r.reads_until > :now or r.is_revoked and r.status = 'LN'
            then 'access was taken back at the bank; renew the connection'
        when r.status = 'LN' and r.is_reconfirmable and r.reads_until <= :now
            then 'the consent had to be confirmed once more; renew the connection'
        when r.status = 'LN' and r.reads_until <= :now
            then 'the consent has ended; renew the connection'
        when r.status not in ('LN', 'RJ', 'SU', 'ER', 'ID', 'EX') and r.linked_at is not null
            then 'the bank asks for consent again; renew the connection'
        when not jsonb_exists(cast(:reasons as jsonb), r.status) and known.status <> 'pending'
            and r.linked_at is null
            then 'a new consent waits to be given; renew the connection for its link'
        else cast(:reasons as jsonb) ->> r.status
    end as status_reason,
    r.reads_until as consent_expires_at,
    r.is_reconfirmable
from standing as r
inner join common.institutions as i
    on i.provider = 'gocardless' and i.provider_institution_id = r.institution_id
left join common.connections as known on known.id = r.connection_id
