-- A total shared out in proportion to weights, to the last digit, by the largest remainder: every
-- share is rounded down, and the units that are left go one each to those that would vanish, then to
-- those that lost the most. A unit is the smallest of the currency, or smaller where an amount is
-- finer. Weights that cancel out say nothing, so the shares are even then. Where a share vanishes
-- all the same, they all get as many digits more as it takes.
create function common.apportion(total numeric, weights numeric[], currency text)
returns numeric[]
language plpgsql immutable parallel safe
as $$
declare
    base numeric := (select sum(w) from unnest(weights) as w);
    digits integer := (
        select greatest(common.minor_digits(currency), min_scale(total), max(min_scale(w)))
        from unnest(weights) as w
    );
    shares numeric[];
begin
    if base = 0 then
        base := cardinality(weights);
        weights := array_fill(1::numeric, array[cardinality(weights)]);
    end if;
    for attempt in 1..2 loop
        shares := (
            with divided as (
                select
                    w.place,
                    total * w.weight * sign(base) * ('1e' || digits)::numeric as dividend
                from unnest(weights) with ordinality as w (weight, place)
            ),
            rounded as (
                -- By whole quotient and remainder: a plain quotient is rounded somewhere.
                select
                    d.place,
                    div(d.dividend, abs(base)) - (mod(d.dividend, abs(base)) < 0)::integer as units,
                    mod(mod(d.dividend, abs(base)) + abs(base), abs(base)) as remainder
                from divided as d
            ),
            ranked as (
                select
                    r.place,
                    r.units,
                    row_number() over (
                        order by
                            r.remainder = 0, r.units <> 0, r.units = -1, r.remainder desc, r.place
                    ) as rank,
                    sum(r.remainder) over () / abs(base) as units_left
                from rounded as r
            )
            select
                array_agg(
                    (r.units + (r.rank <= r.units_left)::integer) * ('1e-' || digits)::numeric
                    order by r.place
                )
            from ranked as r
        );
        exit when total = 0 or 0 <> all (shares);
        digits := digits + (
            select length(div(abs(base), min(abs(total * w)) * ('1e' || digits)::numeric)::text)
            from unnest(weights) as w
            where w <> 0
        );
    end loop;
    return shares;
end
$$;

-- When a sync changes an amount, its splits follow in proportion, with their tags and notes. A
-- single one is the whole and just follows; several were guesswork to change, so the user is asked
-- to look at them.
create function common.rescale_splits() returns trigger
language plpgsql
as $$
begin
    -- Planned anew each time: a kept plan would be that of the first sync's few rows.
    execute $query$
        update common.transaction_splits as s
        set
            amount = p.share,
            currency = p.currency,
            needs_review = s.needs_review or p.is_guess
        from (
            select u.split_id, u.share, c.currency, cardinality(c.split_ids) > 1 as is_guess
            from (
                select
                    n.currency,
                    array_agg(o.id order by o.id) as split_ids,
                    case count(*)
                        when 1 then array[n.amount]
                        else common.apportion(
                            n.amount, array_agg(o.amount order by o.id), n.currency
                        )
                    end as shares
                from new_rows as n
                inner join old_rows as b
                    on
                        b.id = n.id
                        and (b.amount, b.currency) is distinct from (n.amount, n.currency)
                inner join common.transaction_splits as o on o.transaction_id = n.id
                group by n.id, n.amount, n.currency
            ) as c
            cross join lateral unnest(c.split_ids, c.shares) as u (split_id, share)
        ) as p
        where s.id = p.split_id
    $query$;
    return null;
end
$$;

create trigger rescale_splits
    after update on common.transactions
    referencing old table as old_rows new table as new_rows
    for each statement execute function common.rescale_splits();

create function common.check_splits_of(checked_id uuid) returns void
language plpgsql
as $$
declare
    whole record;
    parts record;
begin
    -- Who checks waits for who writes, so that of two writers the later one sees both.
    select t.amount, t.currency into whole
    from common.transactions as t
    where t.id = checked_id
    for no key update;
    if not found then
        return;
    end if;
    select
        count(*) as number,
        sum(s.amount) as amount,
        bool_or(s.currency <> whole.currency) as has_other_currency,
        bool_or(s.amount = 0) as has_zero
    into parts
    from common.transaction_splits as s
    where s.transaction_id = checked_id;
    if parts.number > 0 and (
        parts.amount <> whole.amount
        or parts.has_other_currency
        or parts.has_zero and whole.amount <> 0
    ) then
        raise exception 'the splits of transaction % do not make up its % %: %',
            checked_id, whole.amount, whole.currency, to_json(parts)
            using errcode = 'check_violation',
                  constraint = 'ck_transaction_splits__balanced';
    end if;
end
$$;

-- When a transaction ends, its session may act for somebody else than when it wrote the row: rows
-- of the others are not there for it then.
create function common.check_splits() returns trigger
language plpgsql security definer
as $$
declare
    acting_for text := nullif(current_setting('farthing.user_id', true), '');
    owner_id uuid := case when tg_op = 'DELETE' then old.user_id else new.user_id end;
    is_of_other boolean := acting_for <> owner_id::text;
begin
    if is_of_other then
        perform set_config('farthing.user_id', owner_id::text, true);
    end if;
    if tg_table_name = 'transactions' then
        perform common.check_splits_of(new.id);
    else
        if tg_op <> 'DELETE' then
            perform common.check_splits_of(new.transaction_id);
        end if;
        if tg_op <> 'INSERT' then
            perform common.check_splits_of(old.transaction_id);
        end if;
    end if;
    if is_of_other then
        perform set_config('farthing.user_id', acting_for, true);
    end if;
    return null;
end
$$;

create constraint trigger splits_are_balanced
    after insert or delete on common.transaction_splits
    deferrable initially deferred
    for each row execute function common.check_splits();

create constraint trigger changed_splits_are_balanced
    after update on common.transaction_splits
    deferrable initially deferred
    for each row
    when (
        (old.transaction_id, old.amount, old.currency)
        is distinct from (new.transaction_id, new.amount, new.currency)
    )
    execute function common.check_splits();

create constraint trigger splits_are_balanced
    after update on common.transactions
    deferrable initially deferred
    for each row
    when ((old.amount, old.currency) is distinct from (new.amount, new.currency))
    execute function common.check_splits();
