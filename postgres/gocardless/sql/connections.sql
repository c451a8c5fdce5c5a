-- Requisitions as connections. One that a linked one replaces is history; one that waits to replace
-- another is not a connection yet.
select
    r.user_id,
    i.id as institution_id,
    'gocardless' as provider,
    r.id::text as provider_connection_id,
    case
        when r.status in ('RJ', 'SU', 'ER', 'ID') then 'error'
        when
            r.status = 'EX'
            or a.accepted_at + make_interval(days => a.access_valid_for_days) <= :now
            or ended.requisition_id is not null
            then 'expired'
        when r.status = 'LN' then 'active'
        -- One that was live does not wait for its first consent again; it has lost it.
        when known.status <> 'pending' then 'error'
        else 'pending'
    end as status,
    case
        when r.status in ('CR', 'GC', 'UA', 'SA', 'GA') and known.status <> 'pending'
            then 'the bank asks for consent again; renew the connection'
        when r.status = 'RJ' then 'the bank or the user refused consent'
        when r.status = 'SU' then 'GoCardless suspended it after too many errors; renew the connection'
        when r.status = 'ER' then 'GoCardless reports an error; renew the connection'
        when r.status = 'LN' and ended.requisition_id is not null
            then 'the consent was taken back or has ended at the bank; renew the connection'
        when r.status = 'ID' then 'GoCardless reports an undocumented state; renew the connection'
    end as status_reason,
    a.accepted_at + make_interval(days => a.access_valid_for_days) as consent_expires_at
from gocardless.requisitions as r
inner join common.institutions as i
    on i.provider = 'gocardless' and i.provider_institution_id = r.institution_id
left join gocardless.agreements as a on a.id = r.agreement_id
-- What the bank said when it was asked: a consent may end before its time.
left join (
    select distinct b.requisition_id
    from gocardless.bank_accounts as b
    inner join gocardless.rate_limits as l on l.bank_account_id = b.id
    where l.refusal in ('access_expired', 'consent_expired', 'no_consent')
) as ended on ended.requisition_id = r.id
left join common.connections as known
    on known.provider = 'gocardless' and known.provider_connection_id = r.id::text
where
    r.removed_at is null
    and not exists (
        select 1 from gocardless.requisitions as newer
        where newer.replaces_id = r.id and newer.status = 'LN'
    )
    and (r.replaces_id is null or r.status = 'LN')
