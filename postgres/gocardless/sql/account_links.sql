select
    b.user_id,
    a.id as account_id,
    c.id as connection_id,
    'gocardless' as provider,
    b.provider_account_id::text as provider_account_id
from gocardless.bank_accounts as b
inner join common.connections as c
    on c.provider = 'gocardless' and c.provider_connection_id = b.requisition_id::text
inner join common.accounts as a
    on
        a.user_id = b.user_id
        and a.institution_id = c.institution_id
        and a.account_number = b.account_number
        and a.currency = b.currency
