-- What the release before knew of consents and accounts, in the new columns.
update gocardless.agreements
set has_reconfirmation = true
where payload -> 'reconfirmation' = 'true'::jsonb;

-- A consent that has opened accounts was linked once, whatever has become of it since.
update gocardless.requisitions
set linked_at = first_seen_at
where
    status in ('LN', 'EX')
    or exists (
        select from gocardless.bank_accounts as b where b.requisition_id = requisitions.id
    );

-- From the consent of each connection back to those that it renewed, and on to those that wait to
-- renew it.
with recursive consents (id, connection_id) as (
    select r.id, c.id
    from gocardless.requisitions as r
    inner join common.connections as c
        on c.provider = 'gocardless' and c.provider_connection_id = r.id::text
    union
    select r.id, k.connection_id
    from consents as k
    inner join gocardless.requisitions as known on known.id = k.id
    inner join gocardless.requisitions as r on known.replaces_id = r.id or r.replaces_id = known.id
)

update gocardless.requisitions as r
set connection_id = k.connection_id
from consents as k
where k.id = r.id;

update gocardless.bank_accounts as b
set account_id = l.account_id
from common.account_links as l
where
    l.provider = 'gocardless'
    and l.user_id = b.user_id
    and l.provider_account_id = b.provider_account_id::text;

-- A connection that was removed has no links any more.
update gocardless.bank_accounts as b
set account_id = a.id
from gocardless.requisitions as r, common.institutions as i, common.accounts as a
where
    b.account_id is null
    and r.id = b.requisition_id
    and i.provider = 'gocardless'
    and i.provider_institution_id = r.institution_id
    and a.institution_id = i.id
    and a.user_id = b.user_id
    and a.account_number = b.account_number
    and a.currency = b.currency;
