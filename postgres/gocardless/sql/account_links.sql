-- Every id that an account has or had through a connection, also under the consents before the last.
select
    b.user_id,
    b.account_id,
    c.id as connection_id,
    'gocardless' as provider,
    b.provider_account_id::text as provider_account_id
from gocardless.bank_accounts as b
inner join gocardless.requisitions as r on r.id = b.requisition_id
inner join common.connections as c on c.id = r.connection_id
inner join common.accounts as a on a.id = b.account_id and a.user_id = b.user_id
