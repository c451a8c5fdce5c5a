with booked as (
    select
        t.booking_date,
        t.amount,
        t.balance_after,
        common.local_day(t.first_seen_at, u.time_zone) as known_on
    from common.transactions as t
    inner join common.accounts as a on a.id = t.account_id and a.currency = t.currency
    inner join auth.users as u on u.id = a.user_id
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

-- Rows of other days start from where others ended as well, but for a few that are not told. Where
-- they do not, what the bank prints is no running balance.
breaks as (
    select count(*) as times
    from booked as b
    where
        b.balance_after is not null
        and not exists (
            select 1 from booked as o where o.balance_after = b.balance_after - b.amount
        )
),

running as (
    select min(balance) as balance
    from starts
    having
        count(*) = 1
        and (select times from breaks)
        <= greatest(1, (select count(balance_after) from booked) / 4)
),

snapshots as (
    select
        s.*,
        case
            when lower(s.balance_type) = 'closingbooked' and s.reference_date is not null
                then s.reference_date
            when lower(s.balance_type) = 'openingbooked' and s.reference_date is not null
                then s.reference_date - 1
            else common.local_day(s.observed_at, u.time_zone)
        end as day,
        lower(s.balance_type) in ('closingbooked', 'openingbooked')
        and s.reference_date is not null as is_of_whole_day
    from common.balance_snapshots as s
    inner join common.accounts as a on a.id = s.account_id and a.currency = s.currency
    inner join auth.users as u on u.id = a.user_id
    where s.account_id = :account_id and s.is_booked
),

-- A balance counts the rows that were booked by then: the balance may be old, if rows could be read
-- since and balances could not. Of rows of its very day that were read later nobody can tell; such a
-- balance is no evidence.
reported as (
    select s.amount - coalesce(
        (
            select sum(b.amount)
            from booked as b
            where b.booking_date <= s.day or (not s.is_of_whole_day and b.known_on <= s.day)
        ),
        0
    ) as balance
    from snapshots as s
    where
        s.day <= :read_through
        and (
            s.is_of_whole_day
            or not exists (
                select 1 from booked as b where b.booking_date = s.day and b.known_on > s.day
            )
        )
    -- A balance of this moment says more than one of last night.
    order by
        lower(s.balance_type) = 'interimbooked' desc,
        s.observed_at desc,
        s.reference_date desc nulls last
    limit 1
),

found as (
    select coalesce((select balance from running), (select balance from reported)) as balance
)

update common.accounts as a
set
    opening_balance = found.balance,
    opening_date = (select min(booking_date) from booked)
from found
where a.id = :account_id and found.balance is not null and exists (select 1 from snapshots)
