-- What an account is kept in where its bank does not describe it: the one currency of its balances,
-- else that of its rows.
update gocardless.bank_accounts as b
set currency = told.currency
from (
    select
        u.id,
        coalesce(
            (
                select case when count(distinct l.currency) = 1 then min(l.currency) end
                from gocardless.balances as l
                where l.bank_account_id = u.id
            ),
            (
                select case when count(distinct t.currency) = 1 then min(t.currency) end
                from gocardless.transactions as t
                where
                    t.bank_account_id = u.id
                    and not exists (
                        select 1 from gocardless.balances as l
                        where l.bank_account_id = u.id and l.currency is not null
                    )
            )
        ) as currency
    from gocardless.bank_accounts as u
    where u.currency is null
) as told
where b.id = told.id and told.currency is not null
