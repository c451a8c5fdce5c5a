create or replace function common.plan_recurring_pattern() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    frequency constant text := coalesce(new.user_frequency, new.detected_frequency);
    leeway constant integer := coalesce(common.due_leeway(frequency), 0);
    paid constant date := coalesce(new.linked_last_date, new.detected_last_date);
    nominal constant date := coalesce(new.detected_nominal_date, new.detected_next_date);
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
        nominal is not null
        and nominal is distinct from common.due_day(
            new.detected_anchor_date,
            new.detected_frequency,
            common.due_steps(new.detected_anchor_date, new.detected_frequency, nominal)
        )
    then
        new.detected_anchor_date := case
            when
                common.due_months(new.detected_frequency) is not null
                and extract(day from nominal + 1) = 1
                and extract(day from new.detected_last_date) > extract(day from nominal)
                then new.detected_last_date
            else nominal
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
    if
        new.status = 'active'
        and new.user_next_date is null
        and new.user_frequency is null
        and new.next_date = nominal
        and abs(new.detected_next_date - nominal) <= leeway
    then
        new.next_date := new.detected_next_date;
    end if;
    return new;
end
$$;

drop function common.next_due(date, text, date, integer[]);

create function common.next_due(anchor date, frequency text, day date) returns date
language sql immutable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    select common.due_day(anchor, frequency, common.due_steps(anchor, frequency, day) + 1)
$$;
