-- Accounts as the consent shows them that reads them now, or read them last. One without a number that
-- is its own goes by the id that it had first.
select distinct on (b.account_id)
    b.account_id as id,
    b.user_id,
    i.id as institution_id,
    case
        when own.is_shared or own.is_taken
            then coalesce(known.account_number, b.provider_account_id::text)
        when b.account_number = b.provider_account_id::text
            then coalesce(known.account_number, b.account_number)
        else b.account_number
    end as account_number,
    b.currency,
    'bank' as account_type,
    case when b.is_card then 'credit_card' else 'bank_account' end as category,
    case
        when exists (
            select 1 from gocardless.rate_limits as l
            where l.bank_account_id = b.id and l.refusal = 'account_inactive'
        ) then 'closed'
        when b.status in ('EXPIRED', 'SUSPENDED', 'ERROR') then 'inactive'
        else 'active'
    end as status,
    b.name,
    b.iban
from gocardless.bank_accounts as b
inner join gocardless.requisitions as r on r.id = b.requisition_id
inner join common.connections as c on c.id = r.connection_id
inner join common.institutions as i
    on i.provider = 'gocardless' and i.provider_institution_id = r.institution_id
left join common.accounts as known on known.id = b.account_id
cross join lateral (
    select
        exists (
            select 1 from gocardless.bank_accounts as twin
            where
                twin.requisition_id = b.requisition_id
                and twin.account_number = b.account_number
                and twin.currency = b.currency
                and twin.id <> b.id
        ) as is_shared,
        exists (
            select 1 from common.accounts as other
            where
                other.user_id = b.user_id
                and other.institution_id = i.id
                and other.account_number = b.account_number
                and other.currency = b.currency
                and other.id <> b.account_id
        ) as is_taken
) as own
where b.account_id is not null and b.currency is not null
order by
    b.account_id,
    r.removed_at is not null,
    exists (
        select 1 from gocardless.requisitions as newer
        where newer.replaces_id = r.id and newer.linked_at is not null
    ),
    b.changed_at desc,
    b.id
