create function common.guard_transaction_status() returns trigger
language plpgsql as $$
begin
    if old.status = 'booked' and new.status = 'pending' then
        raise exception 'a booked transaction never goes back to pending'
            using errcode = 'check_violation',
                  constraint = 'ck_transactions__booked_stays_booked';
    end if;
    return new;
end
$$;

create trigger guard_transaction_status
    before update of status on common.transactions
    for each row execute function common.guard_transaction_status();

drop trigger keep_booked on common.transactions;
drop function common.keep_booked();
drop function common.guard_transition();

create or replace function common.touch_updated_at() returns trigger
language plpgsql as $$
begin
    if new is distinct from old then
        new.updated_at := now();
    end if;
    return new;
end
$$;
grant execute on function common.touch_updated_at() to public;
