-- Bank accounts as accounts. What identifies one is the bank's own number, the currency and the
-- institution; provider ids come and go.
select distinct on (b.user_id, c.institution_id, b.account_number, b.currency)
    b.user_id,
    c.institution_id,
    b.account_number,
    b.currency,
    'bank' as account_type,
    case when b.is_card then 'credit_card' else 'bank_account' end as category,
    case when b.status in ('EXPIRED', 'SUSPENDED', 'ERROR') then 'inactive' else 'active' end
        as status,
    b.name,
    b.iban
from gocardless.bank_accounts as b
inner join common.connections as c
    on c.provider = 'gocardless' and c.provider_connection_id = b.requisition_id::text
where b.currency is not null
order by b.user_id, c.institution_id, b.account_number, b.currency, b.changed_at desc, b.id
