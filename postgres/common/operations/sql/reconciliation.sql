-- The booked balances that an institution reported, beside what the ledger makes of each, and on which
-- day they began to differ.
with scope as (
    select
        a.*,
        u.time_zone
    from common.accounts as a
    inner join auth.users as u on u.id = a.user_id
    where cast(:user_id as uuid) is null or a.user_id = :user_id
),

-- Two kinds of balance say different things of one day, so one kind counts: that of the moment.
kinds as (
    select distinct on (s.account_id)
        s.account_id,
        lower(s.balance_type) as kind
    from scope as a
    inner join common.balance_snapshots as s on s.account_id = a.id and s.currency = a.currency
    where s.is_booked
    order by
        s.account_id,
        array_position(
            array['interimbooked', 'closingbooked', 'openingbooked'], lower(s.balance_type)
        ),
        s.observed_at desc
),

-- The last one of each day. A balance of the end of a day knows all of its rows, also those that were
-- told later; one of the moment knows those that were there.
reports as materialized (
    select distinct on (s.account_id, said.day)
        s.account_id,
        said.day,
        said.knows_until,
        s.amount,
        s.observed_at
    from scope as a
    inner join kinds as k on k.account_id = a.id
    inner join common.balance_snapshots as s
        on
            s.account_id = a.id
            and s.currency = a.currency
            and s.is_booked
            and lower(s.balance_type) = k.kind
    cross join lateral (
        select common.local_day(s.observed_at, a.time_zone) as observed_on
    ) as seen
    cross join lateral (
        select
            case
                when s.reference_date is null then seen.observed_on
                when k.kind = 'closingbooked' then s.reference_date
                when k.kind = 'openingbooked' then s.reference_date - 1
                else seen.observed_on
            end as day,
            case
                when k.kind in ('closingbooked', 'openingbooked') and s.reference_date is not null
                    then 'infinity'
                else seen.observed_on
            end as knows_until
    ) as said
    order by s.account_id, said.day, s.observed_at desc, s.reference_date desc nulls last
),

moves as materialized (
    select
        t.account_id,
        t.booking_date as day,
        greatest(t.booking_date, common.local_day(t.first_seen_at, a.time_zone)) as known_on,
        sum(t.amount) as amount
    from scope as a
    inner join common.transactions as t on t.account_id = a.id and t.currency = a.currency
    where t.status = 'booked' and t.booking_date >= coalesce(a.opening_date, '-infinity')
    group by 1, 2, 3
),

events as (
    select
        m.account_id,
        m.day,
        m.known_on,
        m.amount as moved,
        null::numeric as reported,
        null::timestamptz as observed_at
    from moves as m

    union all

    select
        r.account_id,
        r.day,
        r.knows_until,
        0,
        r.amount,
        r.observed_at
    from reports as r
),

balances as materialized (
    select
        e.account_id,
        e.day,
        e.known_on,
        e.reported,
        e.observed_at,
        a.opening_balance
        + sum(e.moved) over (
            partition by e.account_id
            order by e.day, e.known_on, e.reported is not null
            rows unbounded preceding
        ) as at_the_time,
        a.opening_balance + sum(e.moved) over (partition by e.account_id) as in_all,
        e.reported is not null and row_number() over (
            partition by e.account_id
            order by e.reported is not null desc, e.day desc
        ) = 1 as is_newest
    from events as e
    inner join scope as a on a.id = e.account_id
),

checks as materialized (
    select
        b.account_id,
        b.day,
        b.reported,
        b.observed_at,
        b.is_newest,
        -- Some banks date rows by a day to come, and count them now.
        case when b.is_newest and b.reported = b.in_all then b.in_all else b.at_the_time end
            as computed
    from balances as b
    where b.reported is not null
),

-- The last days on which the two differed, and the days around them on which they did not.
wrong as (
    select
        c.account_id,
        max(c.day) as last_day
    from checks as c
    where c.reported <> c.computed
    group by c.account_id
),

bounds as (
    select
        w.account_id,
        max(c.day) filter (where c.day < w.last_day) as right_until,
        min(c.day) filter (where c.day > w.last_day) as right_since
    from wrong as w
    left join checks as c on c.account_id = w.account_id and c.reported = c.computed
    group by w.account_id
),

seen_wrong as (
    select
        b.account_id,
        b.right_until,
        b.right_since,
        min(c.day) as day
    from bounds as b
    inner join checks as c on c.account_id = b.account_id and c.reported <> c.computed
    where b.right_until is null or c.day > b.right_until
    group by b.account_id, b.right_until, b.right_since
),

-- A balance that did not change is not reported again: between two reports the first one stands.
moved_wrong as (
    select
        w.account_id,
        min(d.day) as day
    from seen_wrong as w
    inner join checks as c on c.account_id = w.account_id and c.day = w.right_until
    inner join (
        select distinct on (b.account_id, b.day)
            b.account_id,
            b.day,
            b.at_the_time
        from balances as b
        order by b.account_id asc, b.day asc, b.known_on desc
    ) as d on d.account_id = w.account_id and d.day > w.right_until and d.day < w.day
    where d.at_the_time <> c.reported
    group by w.account_id
)

select
    a.id,
    a.user_id,
    i.name,
    coalesce(a.display_name, a.name),
    a.currency,
    n.reported,
    n.computed,
    n.observed_at,
    coalesce(m.day, w.day),
    w.right_since
from scope as a
inner join common.institutions as i on i.id = a.institution_id
left join checks as n on n.account_id = a.id and n.is_newest
left join seen_wrong as w on w.account_id = a.id
left join moved_wrong as m on m.account_id = a.id
order by i.name, a.name, a.currency, a.id
