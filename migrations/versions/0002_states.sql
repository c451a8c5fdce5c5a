-- A state machine, whatever code writes. The moves are the trigger's arguments, as 'from>to'. The one
-- other way is back to a state that the audit log has the row leave: undoing.
create function common.guard_transition() returns trigger
language plpgsql as $$
begin
    if
        not (old.status || '>' || new.status) = any (tg_argv)
        and not exists (
            select
            from common.audit_log as undone
            where
                undone.id = nullif(current_setting('farthing.undoes', true), '')::bigint
                and undone.user_id = old.user_id
                and undone.table_name = tg_table_schema || '.' || tg_table_name
                and undone.row_key ->> 'id' = old.id::text
                and undone.before ->> 'status' = new.status
        )
    then
        raise exception '%.% % cannot go from % to %',
            tg_table_schema, tg_table_name, old.id, old.status, new.status
            using errcode = 'check_violation',
                  constraint = format('ck_%s__transition', tg_table_name);
    end if;
    return new;
end
$$;

-- What was booked once never becomes pending again, not by way of void either.
create function common.keep_booked() returns trigger
language plpgsql as $$
begin
    if old.status = 'booked' then
        new.was_booked := true;
    end if;
    if new.status = 'pending' and new.was_booked then
        raise exception 'common.transactions % was booked; it never goes back to pending', old.id
            using errcode = 'check_violation',
                  constraint = 'ck_transactions__booked_stays_booked';
    end if;
    return new;
end
$$;

create trigger keep_booked
    before update of status on common.transactions
    for each row execute function common.keep_booked();

drop trigger guard_transaction_status on common.transactions;
drop function common.guard_transaction_status();

-- Columns that the database generates are not there yet when this runs: the trigger names them, and
-- they are left out of the comparison. What they are made from is in it.
create or replace function common.touch_updated_at() returns trigger
language plpgsql as $$
begin
    if tg_nargs = 0 then
        if new is distinct from old then
            new.updated_at := now();
        end if;
    elsif to_jsonb(new) - tg_argv is distinct from to_jsonb(old) - tg_argv then
        new.updated_at := now();
    end if;
    return new;
end
$$;
