-- Merchants of rows that changed. What the user says is another one under this name is not made anew.
-- Texts repeat, and to normalise one takes long.
with texts as materialized (
    select distinct
        r.user_id,
        coalesce(r.counterparty_name, r.description) as text
    from gocardless.transactions as r
    where
        r.bank_account_id = any(cast(:feeds as uuid[]))
        and r.ledger_id is not null
        and (cast(:names as uuid[]) is null or r.ledger_id = any(cast(:names as uuid[])))
        and coalesce(r.counterparty_name, r.description) is not null
)

select distinct
    statement.user_id,
    statement.name
from (
    select
        texts.user_id,
        common.normalise_merchant(texts.text) as name
    from texts
) as statement
where
    not exists (
        select 1 from common.merchant_aliases as alias
        where alias.user_id = statement.user_id and alias.name = statement.name
    )
