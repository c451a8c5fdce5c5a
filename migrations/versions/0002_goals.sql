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

-- What is planned after a value of a loan holds up to the next value. It is dropped with whatever
-- changes either of them, and made anew by postgres.common.operations.manual_assets.
create function common.drop_instalments() returns trigger
language plpgsql as $$
declare
    stated common.manual_asset_values;
begin
    stated := case when tg_op = 'DELETE' then old else new end;
    delete from common.loan_instalments as i
    where
        i.asset_id = stated.asset_id
        and i.due_on >= coalesce(
            (
                select max(v.valued_on)
                from common.manual_asset_values as v
                where v.asset_id = stated.asset_id and v.valued_on < stated.valued_on
            ),
            stated.valued_on
        )
        and i.due_on < coalesce(
            (
                select min(v.valued_on)
                from common.manual_asset_values as v
                where v.asset_id = stated.asset_id and v.valued_on > stated.valued_on
            ),
            'infinity'
        );
    return null;
end
$$;

create trigger drop_instalments
    after insert or delete or update
    on common.manual_asset_values
    for each row execute function common.drop_instalments();
