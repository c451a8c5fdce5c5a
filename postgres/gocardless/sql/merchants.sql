select distinct
    r.user_id,
    common.normalise_merchant(coalesce(r.counterparty_name, r.description)) as name
from gocardless.transactions as r
where
    r.bank_account_id = :bank_account_id
    and r.refusal is null
    and r.changed_at > coalesce(cast(:projected_through as timestamptz), '-infinity')
    and coalesce(r.counterparty_name, r.description) is not null
