with booked as (
    select t.booking_date, t.amount, t.balance_after
    from common.transactions as t
    inner join common.accounts as a on a.id = t.account_id and a.currency = t.currency
    where t.account_id = :account_id and t.status = 'booked'
),

first_day as (
    select *
    from booked
    where booking_date = (select min(booking_date) from booked)
),

-- The first row of the first day is the one that starts from a balance no other row ended on.
starts as (
    select distinct f.balance_after - f.amount as balance
    from first_day as f
    where
        (select bool_and(balance_after is not null) from first_day)
        and not exists (
            select 1 from first_day as g where g.balance_after = f.balance_after - f.amount
        )
),

running as (
    select min(balance) as balance
    from starts
    having count(*) = 1
),

reported as (
    select s.amount - coalesce((select sum(amount) from booked), 0) as balance
    from common.balance_snapshots as s
    inner join common.accounts as a on a.id = s.account_id and a.currency = s.currency
    where s.account_id = :account_id and s.is_booked
    -- A balance of this moment says more than one of last night.
    order by (lower(s.balance_type) = 'interimbooked') desc, s.observed_at desc
    limit 1
)

update common.accounts as a
set
    opening_balance = coalesce((select balance from running), (select balance from reported)),
    opening_date = (select min(booking_date) from booked)
where a.id = :account_id and exists (select 1 from reported)
