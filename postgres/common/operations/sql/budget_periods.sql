-- How budgets stand, a row a period: of one budget, of a user's, or of everybody's. The day is
-- given, or is that of the user's time zone at an instant.
with asked as (
    select
        b.*,
        common.budget_period_number(b.period, b.starts_on, d.day) as last_number,
        greatest(
            common.budget_period_number(b.period, b.starts_on, d.day - cast(:days_before as integer)), 0
        ) as first_number
    from common.budgets as b
    inner join auth.users as u on u.id = b.user_id
    cross join lateral (
        select
            coalesce(
                cast(:day as date), common.local_day(cast(:now as timestamptz), u.time_zone)
            ) as day
    ) as d
    where
        (cast(:user_id as uuid) is null or b.user_id = :user_id)
        and (cast(:budget_id as uuid) is null and b.is_enabled or b.id = :budget_id)
        and b.starts_on <= d.day
),

-- What is carried over comes from all periods before.
periods as (
    select
        a.*,
        n.number,
        p.first_day,
        p.last_day,
        l.amount as allowed
    from asked as a
    cross join lateral generate_series(
        case when a.rollover then 0 else a.first_number end, a.last_number
    ) as n (number)
    cross join lateral (
        select
            common.budget_period_start(a.period, a.starts_on, n.number) as first_day,
            common.budget_period_start(a.period, a.starts_on, n.number + 1) - 1 as last_day
    ) as p
    cross join lateral (
        select b.amount
        from common.budget_limits as b
        where b.budget_id = a.id and b.effective_from <= p.last_day
        order by b.effective_from desc
        limit 1
    ) as l
),

-- A rate is of a day, so sums of a day and a currency are converted, not every row.
daily as (
    select
        p.id,
        p.number,
        p.currency as budget_currency,
        s.currency,
        s.day,
        s.is_pending,
        sum(s.amount) as amount,
        coalesce(sum(s.amount) filter (where s.amount > 0), 0) as refunded
    from periods as p
    cross join lateral common.spending(p.user_id, p.first_day, p.last_day) as s
    where
        case
            when p.is_overall then s.is_spending
            else exists (
                select 1
                from common.budget_tags as t
                where t.budget_id = p.id and t.user_id = p.user_id and t.tag_id = s.tag_id
            )
        end
    group by p.id, p.number, p.currency, s.currency, s.day, s.is_pending
),

converted as (
    select
        d.*,
        common.convert(d.amount, d.currency, d.budget_currency, d.day) as counted,
        common.convert(d.refunded, d.currency, d.budget_currency, d.day) as counted_refunded
    from daily as d
),

-- Rounded once a period, so that what is shown adds up over periods.
sums as (
    select
        c.id,
        c.number,
        round(
            -coalesce(sum(c.counted) filter (where not c.is_pending), 0),
            common.minor_digits(c.budget_currency)
        ) as spent,
        round(
            coalesce(sum(c.counted_refunded) filter (where not c.is_pending), 0),
            common.minor_digits(c.budget_currency)
        ) as refunded,
        round(
            -coalesce(sum(c.counted) filter (where c.is_pending), 0),
            common.minor_digits(c.budget_currency)
        ) as pending
    from converted as c
    group by c.id, c.number, c.budget_currency
),

unconverted as (
    select c.id, c.number, c.currency, -sum(c.amount) as amount
    from converted as c
    where c.counted is null
    group by c.id, c.number, c.currency
),

standing as (
    select
        p.*,
        coalesce(s.spent, 0) as spent,
        coalesce(s.refunded, 0) as refunded,
        coalesce(s.pending, 0) as pending,
        case
            when p.rollover then coalesce(
                sum(p.allowed - coalesce(s.spent, 0)) over (
                    partition by p.id
                    order by p.number
                    rows between unbounded preceding and 1 preceding
                ),
                0
            )
            else 0
        end as carried
    from periods as p
    left join sums as s on s.id = p.id and s.number = p.number
)

select
    s.user_id,
    s.number = s.last_number as is_current,
    s.id as budget_id,
    s.name,
    s.currency,
    s.first_day,
    s.last_day,
    s.allowed as "limit",
    s.carried,
    s.spent,
    s.refunded,
    s.pending,
    s.spent > s.allowed + s.carried as is_exceeded,
    s.spent > 0
    and s.spent <= s.allowed + s.carried
    and 100 * s.spent >= s.warning_pct * (s.allowed + s.carried) as is_warning,
    (
        select coalesce(jsonb_object_agg(u.currency, u.amount), '{}')
        from (
            select w.currency, sum(w.amount) as amount
            from unconverted as w
            where w.id = s.id and (w.number = s.number or s.rollover and w.number < s.number)
            group by w.currency
        ) as u
    ) as unconverted
from standing as s
where s.number >= s.first_number
