create extension if not exists pg_trgm;

-- How a frequency steps, and how many days beside a due day a payment still counts for it. Null: an
-- irregular one has no due days. postgres.common.recurrence says the same in Python.
create function common.due_months(frequency text) returns integer
language sql immutable parallel safe
as $$
    select
        case frequency
            when 'monthly' then 1
            when 'bimonthly' then 2
            when 'quarterly' then 3
            when 'semiannual' then 6
            when 'annual' then 12
        end
$$;

create function common.due_days(frequency text) returns integer
language sql immutable parallel safe
as $$
    select case frequency when 'weekly' then 7 when 'fortnightly' then 14 when 'four_weekly' then 28 end
$$;

create function common.due_leeway(frequency text) returns integer
language sql immutable parallel safe
as $$
    select
        case frequency
            when 'weekly' then 2
            when 'fortnightly' then 4
            when 'four_weekly' then 5
            when 'monthly' then 6
            when 'bimonthly' then 8
            when 'quarterly' then 10
            when 'semiannual' then 12
            when 'annual' then 15
        end
$$;

-- So many steps from a day that it is due on. Months are counted from there and not from the step
-- before, so that the 31st comes back after February.
create function common.due_day(anchor date, frequency text, steps integer) returns date
language sql immutable parallel safe
as $$
    select
        coalesce(
            (anchor + make_interval(months => steps * common.due_months(frequency)))::date,
            anchor + steps * common.due_days(frequency)
        )
$$;

-- How many steps it is from there to the last due day up to another day; negative: before it.
create function common.due_steps(anchor date, frequency text, day date) returns integer
language sql immutable parallel safe
as $$
    select
        case
            when common.due_days(frequency) is not null
                then floor((day - anchor)::numeric / common.due_days(frequency))::integer
            else m.steps - (common.due_day(anchor, frequency, m.steps) > day)::integer
        end
    from (
        select
            floor(
                (
                    (extract(year from day) - extract(year from anchor)) * 12
                    + extract(month from day) - extract(month from anchor)
                ) / common.due_months(frequency)
            )::integer as steps
    ) as m
$$;

create function common.next_due(anchor date, frequency text, day date) returns date
language sql immutable parallel safe
as $$
    select common.due_day(anchor, frequency, common.due_steps(anchor, frequency, day) + 1)
$$;

-- The due day that a payment of some day counts for; null: it came too far from any.
create function common.due_near(anchor date, frequency text, day date) returns date
language sql immutable parallel safe
as $$
    select d.due_on
    from (
        select
            common.due_day(
                anchor,
                frequency,
                common.due_steps(anchor, frequency, day + common.due_leeway(frequency))
            ) as due_on
    ) as d
    where day - d.due_on <= common.due_leeway(frequency)
$$;

-- What follows from what is known of a pattern. Nothing is counted on before the user accepts it:
-- till then the next day is detection's own.
create function common.plan_recurring_pattern() returns trigger
language plpgsql as $$
declare
    frequency constant text := coalesce(new.user_frequency, new.detected_frequency);
    leeway constant integer := coalesce(common.due_leeway(frequency), 0);
    paid constant date := coalesce(new.linked_last_date, new.detected_last_date);
    was_paid date;
    anchor date;
begin
    if tg_op = 'UPDATE' then
        was_paid := coalesce(old.linked_last_date, old.detected_last_date);
        -- Its account was deleted; whatever else the user has is none of its business.
        if new.account_id is null and old.account_id is not null and new.status = 'active' then
            new.status := 'paused';
        end if;
    end if;

    -- Detection gives the day of a short month for the 31st: the anchor stays while it agrees.
    if
        new.detected_next_date is not null
        and new.detected_next_date is distinct from common.due_day(
            new.detected_anchor_date,
            new.detected_frequency,
            common.due_steps(
                new.detected_anchor_date, new.detected_frequency, new.detected_next_date
            )
        )
    then
        new.detected_anchor_date := case
            when
                common.due_months(new.detected_frequency) is not null
                and extract(day from new.detected_next_date + 1) = 1
                and extract(day from new.detected_last_date)
                > extract(day from new.detected_next_date)
                then new.detected_last_date
            else new.detected_next_date
        end;
    end if;
    anchor := coalesce(new.user_next_date, new.detected_anchor_date);

    if tg_op = 'INSERT' or new.user_next_date is distinct from old.user_next_date then
        new.settled_through := coalesce(new.user_next_date - 1, paid + leeway);
    elsif paid > was_paid or was_paid is null and paid is not null then
        new.settled_through := greatest(new.settled_through, paid + leeway);
    elsif paid is distinct from was_paid then
        new.settled_through := paid + leeway;
    end if;

    new.next_date := case
        when new.status in ('paused', 'cancelled') then null
        when new.status = 'pending' and new.user_next_date is null then new.detected_next_date
        -- It ended, and the day that nothing came for is over.
        when
            new.detected_is_ended
            and new.user_next_date is null
            and new.settled_through >= common.next_due(anchor, frequency, paid + leeway)
            then null
        when new.settled_through is null then anchor
        when common.due_leeway(frequency) is null
            then case when anchor > new.settled_through then anchor end
        else greatest(common.next_due(anchor, frequency, new.settled_through), new.user_next_date)
    end;
    return new;
end
$$;

create trigger plan_recurring_pattern
    before insert or update on common.recurring_patterns
    for each row execute function common.plan_recurring_pattern();

-- An account is the same when it is connected again, though its row is new. The number itself does
-- not outlive it.
create function common.account_fingerprint(a common.accounts) returns text
language sql immutable parallel safe
as $$
    select
        encode(
            sha256(convert_to(concat_ws('|', a.institution_id, a.account_number, a.currency), 'UTF8')),
            'hex'
        )
$$;

create function common.orphan_patterns() returns trigger
language plpgsql as $$
begin
    update common.recurring_patterns
    set account_id = null, account_fingerprint = common.account_fingerprint(old)
    where account_id = old.id;
    return old;
end
$$;

create trigger orphan_patterns
    before delete on common.accounts
    for each row execute function common.orphan_patterns();

-- Payments that are not booked do not count: a void one opens its due day again.
create function common.date_patterns(pattern_ids uuid[]) returns void
language plpgsql as $$
begin
    -- Of two writers the later one sees what both linked.
    perform from common.recurring_patterns
    where id = any (pattern_ids)
    order by id
    for no key update;
    update common.recurring_patterns as p
    set linked_last_date = newest.booking_date
    from (
        select
            n.id,
            (
                select max(t.booking_date)
                from common.recurring_pattern_transactions as l
                inner join common.transactions as t on t.id = l.transaction_id
                where l.pattern_id = n.id and t.status = 'booked'
            ) as booking_date
        from unnest(pattern_ids) as n (id)
    ) as newest
    where p.id = newest.id and p.linked_last_date is distinct from newest.booking_date;
end
$$;

create function common.follow_links() returns trigger
language plpgsql as $$
begin
    perform common.date_patterns(array_agg(distinct r.pattern_id)) from changed_rows as r;
    return null;
end
$$;

create trigger follow_new_links
    after insert on common.recurring_pattern_transactions
    referencing new table as changed_rows
    for each statement execute function common.follow_links();

create trigger follow_old_links
    after delete on common.recurring_pattern_transactions
    referencing old table as changed_rows
    for each statement execute function common.follow_links();

create function common.follow_link() returns trigger
language plpgsql as $$
begin
    if tg_table_name = 'transactions' then
        perform common.date_patterns(array_agg(l.pattern_id))
        from common.recurring_pattern_transactions as l
        where l.transaction_id = new.id;
    else
        perform common.date_patterns(array[old.pattern_id, new.pattern_id]);
    end if;
    return null;
end
$$;

create trigger follow_moved_link
    after update on common.recurring_pattern_transactions
    for each row
    when (old.pattern_id is distinct from new.pattern_id)
    execute function common.follow_link();

create trigger follow_linked_payment
    after update on common.transactions
    for each row
    when ((old.status, old.booking_date) is distinct from (new.status, new.booking_date))
    execute function common.follow_link();

-- Whether a transaction is such a payment, whatever its day and amount. A text that the user gave is
-- looked for as it is in what the bank wrote and in the merchant's name.
create function common.is_payment_of(p common.recurring_patterns, t common.transactions)
returns boolean
language sql stable
as $$
    select
        t.status = 'booked'
        and t.account_id = p.account_id
        and t.currency = p.currency
        and (t.amount < 0) = (p.direction = 'expense')
        and case
            when p.merchant_contains is null then t.merchant_id = p.merchant_id
            else
                strpos(
                    lower(
                        concat_ws(
                            chr(10),
                            t.description,
                            t.counterparty_name,
                            (select m.name from common.merchants as m where m.id = t.merchant_id)
                        )
                    ),
                    lower(p.merchant_contains)
                ) > 0
        end
$$;

-- A proposal that the user has done nothing about.
create function common.is_untouched(p common.recurring_patterns) returns boolean
language sql stable
as $$
    select
        p.source = 'detected'
        and p.status = 'pending'
        and num_nonnulls(
            p.user_name, p.user_frequency, p.user_amount, p.user_next_date, p.merchant_contains
        ) = 0
        and not exists (
            select from common.recurring_pattern_transactions as l
            where l.pattern_id = p.id and l.source = 'manual'
        )
        and not exists (select from common.recurring_removals as r where r.pattern_id = p.id)
$$;

-- What the triggers would have made of the patterns that are there.
update common.recurring_patterns
set known_amount = amount
where status in ('active', 'paused');

select common.date_patterns(array_agg(id)) from common.recurring_patterns;
