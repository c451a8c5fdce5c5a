-- The raw rows of one account that changed since they were last projected, as ledger rows. Pending
-- ones are looked at each time: a booked row may have come that stands for them.
with changed as (
    select r.*
    from gocardless.transactions as r
    where
        r.bank_account_id = :bank_account_id
        and r.refusal is null
        and (
            r.changed_at > coalesce(cast(:projected_through as timestamptz), '-infinity')
            or (r.is_pending and r.withdrawn_at is null)
        )
)

select
    r.user_id,
    :account_id as account_id,
    case when r.is_pending then 'pending:' else 'booked:' end || r.identity_key as source_key,
    case
        when not r.is_pending then 'booked'
        when r.withdrawn_at is not null then 'void'
        -- The same row in both lists of an answer is one row, and the booked one counts.
        when
            exists (
                select 1 from gocardless.transactions as b
                where
                    b.bank_account_id = r.bank_account_id
                    and not b.is_pending
                    and b.amount = r.amount
                    and (
                        b.transaction_id = r.transaction_id
                        or b.internal_transaction_id = r.internal_transaction_id
                        or b.entry_reference = r.entry_reference
                    )
            )
            then 'void'
        else 'pending'
    end as status,
    r.amount,
    r.currency,
    r.booking_date,
    r.value_date,
    r.booked_at,
    r.description,
    r.counterparty_name,
    r.counterparty_account,
    r.balance_after,
    coalesce(alias.merchant_id, m.id) as merchant_id,
    case when own.account_number is not null then 'transfer' else 'payment' end as kind,
    'gocardless.transactions' as raw_table,
    r.id as raw_id,
    r.first_seen_at
from changed as r
left join lateral (
    select common.normalise_merchant(coalesce(r.counterparty_name, r.description)) as name
) as statement on true
left join common.merchant_aliases as alias
    on alias.user_id = r.user_id and alias.name = statement.name
left join common.merchants as m
    on
        m.user_id = r.user_id
        and m.name = statement.name
        and alias.id is null
left join lateral (
    select a.account_number
    from common.accounts as a
    where a.user_id = r.user_id and a.account_number = r.counterparty_account
    limit 1
) as own on true
