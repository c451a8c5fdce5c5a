with newest as (
    select distinct on (s.account_id) s.*
    from common.balance_snapshots as s
    inner join common.accounts as a on a.id = s.account_id and a.currency = s.currency
    where s.is_booked
    order by
        s.account_id,
        s.observed_at desc,
        -- Of one answer, a balance of this moment says more than one of last night.
        (lower(s.balance_type) = 'interimbooked') desc,
        s.reference_date desc nulls last
)

select
    a.id,
    a.user_id,
    i.name,
    coalesce(a.display_name, a.name),
    a.currency,
    n.amount,
    a.opening_balance + coalesce(
        (
            select sum(t.amount)
            from common.transactions as t
            where
                t.account_id = a.id
                and t.status = 'booked'
                and t.currency = a.currency
                and t.booking_date >= coalesce(a.opening_date, '-infinity')
                -- A closing balance does not know the rows of a later day.
                and (
                    lower(n.balance_type) not in ('closingbooked', 'openingbooked')
                    or n.reference_date is null
                    or t.booking_date < n.reference_date
                    or (
                        lower(n.balance_type) = 'closingbooked'
                        and t.booking_date = n.reference_date
                    )
                )
        ),
        0
    ),
    n.observed_at
from common.accounts as a
inner join common.institutions as i on i.id = a.institution_id
left join newest as n on n.account_id = a.id
where cast(:user_id as uuid) is null or a.user_id = :user_id
order by i.name, a.name, a.currency, a.id
