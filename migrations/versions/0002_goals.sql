-- A goal whose account is gone waits for the user to name another; it is measured on nothing else.
create function common.pause_goal_without_account() returns trigger
language plpgsql as $$
begin
    if new.account_id is null and new.status = 'active' and new.tracking_mode <> 'manual' then
        new.status := 'paused';
    end if;
    return new;
end
$$;

create trigger pause_without_account
    before update of account_id on common.goals
    for each row execute function common.pause_goal_without_account();

-- What was entered stays as it was entered; a mistake is deleted, which the audit log keeps. Only the
-- transaction behind it may go.
create function common.keep_contribution() returns trigger
language plpgsql as $$
begin
    if
        new.transaction_id is not null
        or to_jsonb(old) - 'transaction_id' <> to_jsonb(new) - 'transaction_id'
    then
        raise exception 'common.goal_contributions % is never changed; delete it', old.id
            using errcode = 'check_violation',
                  constraint = 'ck_goal_contributions__never_changed';
    end if;
    return null;
end
$$;

create trigger keep_contribution
    after update on common.goal_contributions
    for each row when (old is distinct from new) execute function common.keep_contribution();
