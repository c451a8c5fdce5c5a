-- Merchants of rows that changed. What the user says is another one under this name is not made anew.
select distinct
    r.user_id,
    statement.name
from gocardless.transactions as r
cross join lateral (
    select common.normalise_merchant(coalesce(r.counterparty_name, r.description)) as name
) as statement
where
    r.bank_account_id = any(cast(:feeds as uuid[]))
    and r.ledger_id is not null
    and (cast(:names as uuid[]) is null or r.ledger_id = any(cast(:names as uuid[])))
    and coalesce(r.counterparty_name, r.description) is not null
    and not exists (
        select 1 from common.merchant_aliases as alias
        where alias.user_id = r.user_id and alias.name = statement.name
    )
