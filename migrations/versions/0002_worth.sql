-- What an account was worth at the end of each day, in its own currency: what was last stated of it,
-- and the booked rows since. No row for days before anything is known.
--
-- What is stated, the first of these that the account has:
--   1. of an account that holds securities, what the broker says that everything in it is worth;
--   2. of the same, its cash after the ledger and its positions, of days on which all have a value;
--   3. the opening balance, at the end of the day before the first booked row;
--   4. the booked balances that the bank reports.
-- For 1 and 2 a trade moves no worth: it turns cash into securities. So a deposit shows on its day,
-- however long ago the broker was last asked.
create function common.account_balances(account uuid, first_day date, last_day date)
returns table (day date, amount numeric)
language sql stable parallel safe
as $$
    with self as (
        select
            a.id,
            a.currency,
            a.opening_balance,
            a.opening_date,
            a.account_type <> 'bank' as has_securities,
            u.time_zone
        from common.accounts as a
        inner join auth.users as u on u.id = a.user_id
        where a.id = account
    ),

    totals as (
        select
            common.local_day(s.observed_at, a.time_zone) as day,
            s.observed_at as at,
            s.amount
        from self as a
        inner join common.balance_snapshots as s
            on s.account_id = a.id and s.currency = a.currency
        where a.has_securities and s.balance_type = 'total'
    ),

    positions as (
        select
            h.as_of as day,
            sum(coalesce(h.value, 0)) as amount
        from self as a
        inner join common.holdings as h on h.account_id = a.id
        where a.has_securities and not exists (select from totals)
        group by h.as_of, a.currency
        having
            bool_and(h.quantity = 0 or (h.value is not null and h.currency = a.currency))
    ),

    opening as (
        select
            coalesce(
                a.opening_date - 1,
                least(
                    (
                        select min(t.booking_date) - 1
                        from common.transactions as t
                        where t.account_id = a.id and t.status = 'booked'
                    ),
                    (
                        select common.local_day(min(s.observed_at), a.time_zone)
                        from common.balance_snapshots as s
                        where s.account_id = a.id and s.is_booked
                    )
                )
            ) as day,
            a.opening_balance as amount
        from self as a
        where a.opening_balance is not null
    ),

    statements as (
        select t.day, t.at, t.amount, true as is_worth
        from totals as t

        union all

        select
            p.day,
            null,
            p.amount + a.opening_balance + coalesce(
                (
                    select sum(t.amount)
                    from common.transactions as t
                    where
                        t.account_id = a.id
                        and t.status = 'booked'
                        and t.currency = a.currency
                        and t.booking_date between coalesce(a.opening_date, '-infinity') and p.day
                ),
                0
            ),
            true
        from positions as p
        cross join self as a
        where a.opening_balance is not null

        union all

        select o.day, null, o.amount, false
        from opening as o
        where not exists (select from totals) and not exists (select from positions)

        union all

        select
            common.local_day(s.observed_at, a.time_zone),
            s.observed_at,
            s.amount,
            false
        from self as a
        inner join common.balance_snapshots as s
            on s.account_id = a.id and s.currency = a.currency
        where
            s.is_booked
            and a.opening_balance is null
            and not exists (select from totals)
            and not exists (select from positions)
    ),

    -- The last one of each day, and of all days before the first one asked for.
    stated as (
        select distinct on (greatest(s.day, first_day))
            greatest(s.day, first_day) as shown_on,
            s.day,
            s.at,
            s.amount,
            s.is_worth
        from statements as s
        where s.day <= last_day
        order by greatest(s.day, first_day), s.day desc, s.at desc nulls last
    ),

    moved as (
        select
            greatest(t.booking_date, first_day) as shown_on,
            sum(t.amount) as amount
        from self as a
        inner join common.transactions as t
            on t.account_id = a.id and t.currency = a.currency and t.status = 'booked'
        left join stated as s on s.day = t.booking_date
        where
            t.booking_date between (select min(day) from stated) and last_day
            -- Rows of the day of a statement are in it, unless they are known to be later.
            and (s.day is null or t.booked_at > s.at)
            and (t.kind <> 'trade' or not (select bool_or(is_worth) from stated))
        group by greatest(t.booking_date, first_day)
    ),

    days as (
        select f.day + n as day
        from (select min(shown_on) as day from stated) as f
        cross join generate_series(0, last_day - f.day) as n
    ),

    spans as (
        select
            d.day,
            s.amount as stated,
            coalesce(m.amount, 0) as moved,
            count(s.shown_on) over (order by d.day) as span
        from days as d
        left join stated as s on s.shown_on = d.day
        left join moved as m on m.shown_on = d.day
    )

    select
        s.day,
        first_value(s.stated) over (partition by s.span order by s.day)
        + sum(s.moved) over (partition by s.span order by s.day)
    from spans as s
$$;

-- What an asset was worth at the end of each day, in its own currency: the last value that was stated,
-- or what the plan of a loan leaves after it. No row for days before the first value, nor from the
-- day on which the asset was closed.
create function common.asset_values(asset uuid, first_day date, last_day date)
returns table (day date, amount numeric)
language sql stable parallel safe
as $$
    select
        d.day,
        v.amount
    from common.manual_assets as m
    cross join lateral (
        select first_day + n as day from generate_series(0, last_day - first_day) as n
    ) as d
    cross join lateral (
        select k.amount
        from (
            (
                select v.valued_on as day, v.amount
                from common.manual_asset_values as v
                where v.asset_id = m.id and v.valued_on <= d.day
                order by v.valued_on desc
                limit 1
            )
            union all
            (
                select i.due_on, i.balance
                from common.loan_instalments as i
                where i.asset_id = m.id and i.due_on <= d.day
                order by i.due_on desc
                limit 1
            )
        ) as k
        order by k.day desc
        limit 1
    ) as v
    where m.id = asset and (m.closed_on is null or d.day < m.closed_on)
$$;

-- A user's net worth at the end of each day, in one currency, by the rates of each day. What has no
-- rate is in unconverted, by currency, and in neither of the sums. An account counts from the first
-- day on which something is known of it; before, it is one of unknown_accounts. No row for days
-- before anything is known.
create function common.net_worth(owner uuid, base_currency text, first_day date, last_day date)
returns table (
    day date, assets numeric, liabilities numeric, unconverted jsonb, unknown_accounts bigint
)
language sql stable parallel safe
as $$
    with parts as (
        select a.id as account_id, a.currency, b.day, b.amount
        from common.accounts as a
        cross join lateral common.account_balances(a.id, first_day, last_day) as b
        where a.user_id = owner

        union all

        select null, m.currency, v.day, v.amount
        from common.manual_assets as m
        cross join lateral common.asset_values(m.id, first_day, last_day) as v
        where m.user_id = owner
    ),

    by_currency as (
        select
            p.day,
            p.currency,
            coalesce(sum(p.amount) filter (where p.amount > 0), 0) as assets,
            coalesce(sum(p.amount) filter (where p.amount < 0), 0) as liabilities,
            count(p.account_id) as accounts
        from parts as p
        group by p.day, p.currency
    ),

    converted as (
        select
            c.*,
            -- Nothing is nothing in every currency.
            case
                when c.assets = 0 then 0
                else common.convert(c.assets, c.currency, base_currency, c.day)
            end as assets_in_base,
            case
                when c.liabilities = 0 then 0
                else common.convert(c.liabilities, c.currency, base_currency, c.day)
            end as liabilities_in_base
        from by_currency as c
    )

    select
        c.day,
        coalesce(sum(c.assets_in_base), 0),
        coalesce(sum(c.liabilities_in_base), 0),
        coalesce(
            jsonb_object_agg(c.currency, c.assets + c.liabilities)
                filter (where c.assets_in_base is null or c.liabilities_in_base is null),
            '{}'
        ),
        (select count(*) from common.accounts as a where a.user_id = owner) - sum(c.accounts)::bigint
    from converted as c
    group by c.day
$$;

-- Where a goal stands at the end of a day. One formula for all of them, in the goal's currency:
-- progress = (amount - start) / (target - start), which goes down as well as up.
--
--   mode            start                 amount
--   manual          0                     sum of the contributions up to the day
--   balance         0                     balance of the account
--   delta           0                     balance of the account less its balance at the start
--   target_balance  balance at the start  balance of the account
--
-- The balance at the start is what the user says, else the one that the start date began with, else
-- the first one that is known after it. Balances are converted at the rate of the day, the one at
-- the start too: a rate that moves is no progress. What is not known is NULL, and no progress.
create function common.goal_progress(goal uuid, on_day date)
returns table (start_amount numeric, amount numeric, progress numeric, is_reached boolean)
language sql stable parallel safe
as $$
    select
        s.start_amount,
        m.amount,
        (m.amount - s.start_amount) / nullif(g.target_amount - s.start_amount, 0),
        case
            when g.target_amount > s.start_amount then m.amount >= g.target_amount
            when g.target_amount < s.start_amount then m.amount <= g.target_amount
        end
    from common.goals as g
    left join common.accounts as a on a.id = g.account_id
    cross join lateral (
        select
            common.convert(
                (array_agg(b.amount order by b.day desc))[1], a.currency, g.currency, on_day
            ) as balance,
            coalesce(
                g.start_amount,
                common.convert(
                    (array_agg(b.amount order by b.day))[1], a.currency, g.currency, on_day
                )
            ) as at_start
        from common.account_balances(
            a.id,
            case
                when g.tracking_mode = 'balance' or g.start_amount is not null then on_day
                else least(g.start_date - 1, on_day)
            end,
            on_day
        ) as b
    ) as b
    cross join lateral (
        select
            case when g.tracking_mode = 'target_balance' then b.at_start else 0 end as start_amount
    ) as s
    cross join lateral (
        select
            case g.tracking_mode
                when 'manual' then (
                    select coalesce(sum(c.amount), 0)
                    from common.goal_contributions as c
                    where c.goal_id = g.id and c.contributed_on <= on_day
                )
                when 'delta' then b.balance - b.at_start
                else b.balance
            end as amount
    ) as m
    where g.id = goal
$$;
