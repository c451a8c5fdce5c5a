-- Digits behind the point of a currency's amounts, after ISO 4217.
create function common.minor_digits(iso_code text) returns integer
language sql immutable parallel safe
as $$
    select
        case
            when iso_code in (
                'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                'VND', 'VUV', 'XAF', 'XOF', 'XPF'
            ) then 0
            when iso_code in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
            when iso_code in ('CLF', 'UYW') then 4
            else 2
        end
$$;

-- First day of a budget's period; number 0 starts on starts_on. Counted from there and not from the
-- period before, so that months from the 31st come back to the 31st after February.
create function common.budget_period_start(period text, starts_on date, number integer)
returns date
language sql immutable parallel safe
as $$
    select
        case period
            when 'weekly' then starts_on + 7 * number
            when 'monthly' then (starts_on + number * interval '1 month')::date
            when 'quarterly' then (starts_on + number * interval '3 months')::date
            when 'annual' then (starts_on + number * interval '1 year')::date
        end
$$;

-- Number of the period that holds a day; negative before starts_on.
create function common.budget_period_number(period text, starts_on date, on_day date)
returns integer
language sql immutable parallel safe
as $$
    select
        case
            when period = 'weekly' then floor((on_day - starts_on) / 7.0)::integer
            else c.number - (common.budget_period_start(period, starts_on, c.number) > on_day)::integer
        end
    from (
        select
            floor(
                (
                    12 * (extract(year from on_day) - extract(year from starts_on))
                    + extract(month from on_day) - extract(month from starts_on)
                )
                / case period when 'monthly' then 1 when 'quarterly' then 3 else 12 end
            )::integer as number
    ) as c
$$;

-- The day that it is at an instant in a time zone. By the setting and not by AT TIME ZONE, to which
-- CET is an abbreviation without summer time and not the zone of that name. A zone that this server
-- does not know is UTC: one user's zone never stops what is done for all.
create function common.local_day(at_instant timestamptz, zone text) returns date
language plpgsql stable
set timezone = 'UTC'
as $$
begin
    perform set_config('timezone', zone, true);
    return at_instant::date;
exception
    when invalid_parameter_value then
        return at_instant::date;
end
$$;

-- What a user spent and got back in some days, both included: a row a split, or a row a transaction
-- that has none. Signed as in the ledger. Void rows, both legs of own transfers, and what a broker
-- does with the money in it are no spending. A row that the bank has given no day yet is pending,
-- and counts on its value date, else on the user's day on which it was first seen.
--
-- is_spending tells for what is not counted by its tag: money out, and money in that is money back.
-- It is that where an earlier payment to the same merchant, or under the same tag, was at least as
-- large: a salary is larger than what is bought from the employer.
create function common.spending(owner uuid, first_day date, last_day date)
returns table (
    transaction_id uuid,
    tag_id uuid,
    day date,
    is_pending boolean,
    amount numeric,
    currency text,
    is_spending boolean
)
language sql stable
as $$
    select
        t.id,
        s.tag_id,
        t.day,
        t.status = 'pending',
        coalesce(s.amount, t.amount),
        t.currency,
        t.amount < 0
        or exists (
            select 1
            from common.transactions as p
            where
                p.user_id = t.user_id
                and p.merchant_id = t.merchant_id
                and p.currency = t.currency
                and p.status = 'booked'
                and p.booking_date <= t.day
                and p.amount <= -t.amount
        )
        or exists (
            select 1
            from common.transaction_splits as q
            inner join common.transactions as p on p.id = q.transaction_id
            where
                q.user_id = t.user_id
                and q.tag_id = s.tag_id
                and q.currency = t.currency
                and q.amount <= -s.amount
                and s.amount > 0
                and p.status = 'booked'
                and p.booking_date <= t.day
        )
    from (
        select b.*, b.booking_date as day
        from common.transactions as b
        where b.user_id = owner and b.booking_date between first_day and last_day
        union all
        select n.*, d.day
        from common.transactions as n
        inner join auth.users as u on u.id = n.user_id
        cross join lateral (
            select coalesce(n.value_date, common.local_day(n.first_seen_at, u.time_zone)) as day
        ) as d
        where
            n.user_id = owner
            and n.booking_date is null
            and d.day between first_day and last_day
    ) as t
    left join common.transaction_splits as s on s.transaction_id = t.id
    where
        t.status <> 'void'
        and t.kind in ('payment', 'fee', 'tax', 'interest', 'other')
        and not exists (
            select 1
            from common.transfers as x
            where x.outgoing_id = t.id and x.status in ('linked', 'confirmed')
        )
        and not exists (
            select 1
            from common.transfers as x
            where x.incoming_id = t.id and x.status in ('linked', 'confirmed')
        )
$$;
