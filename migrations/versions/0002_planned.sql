-- Its account was deleted: the plan is archived, and never meant for another one.
create function common.archive_planned_transaction() returns trigger
language plpgsql as $$
begin
    new.is_active := false;
    return new;
end
$$;

create trigger archive_planned_transaction
    before update of account_id on common.planned_transactions
    for each row
    when (new.account_id is null)
    execute function common.archive_planned_transaction();
