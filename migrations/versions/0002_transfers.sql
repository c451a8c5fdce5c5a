-- Weekdays after the first day up to the second: 0 from a Friday to the Sunday, 1 to the Monday,
-- negative backwards. Bank holidays are no weekends and count.
create function common.business_days(first date, last date) returns integer
language sql immutable strict parallel safe
as $$
    -- Weekdays since a Monday long ago, that is five a week and at most five of the last one.
    select
        (last - date '0001-01-01') / 7 * 5 + least((last - date '0001-01-01') % 7 + 1, 5)
        - (first - date '0001-01-01') / 7 * 5 - least((first - date '0001-01-01') % 7 + 1, 5)
$$;

-- Every booked row that is new, or reads differently where a transfer is told by it, is looked at
-- by the next matching. Whatever code wrote it, and not before it is committed.
create function common.queue_new_transactions() returns trigger
language plpgsql as $$
begin
    insert into common.transfer_queue (transaction_id, user_id)
    select n.id, n.user_id
    from new_rows as n
    where n.status = 'booked';
    return null;
end
$$;

create function common.queue_changed_transactions() returns trigger
language plpgsql as $$
begin
    insert into common.transfer_queue (transaction_id, user_id)
    select n.id, n.user_id
    from new_rows as n
    inner join old_rows as o on o.id = n.id
    where
        'booked' in (o.status, n.status)
        and (
            o.status, o.account_id, o.amount, o.currency, o.booking_date, o.kind, o.description,
            o.counterparty_name, o.counterparty_account, o.merchant_id
        ) is distinct from (
            n.status, n.account_id, n.amount, n.currency, n.booking_date, n.kind, n.description,
            n.counterparty_name, n.counterparty_account, n.merchant_id
        );
    return null;
end
$$;

create trigger queue_new_transactions
    after insert on common.transactions
    referencing new table as new_rows
    for each statement execute function common.queue_new_transactions();

create trigger queue_changed_transactions
    after update on common.transactions
    referencing old table as old_rows new table as new_rows
    for each statement execute function common.queue_changed_transactions();

-- What is left of a pair, or of a tie, when a leg goes is looked at again. Only then: whoever
-- deletes a pair itself looks at its legs.
create function common.queue_legs_left() returns trigger
language plpgsql as $$
begin
    insert into common.transfer_queue (transaction_id, user_id)
    select distinct t.id, t.user_id
    from old_rows as o
    inner join common.transactions as t on t.id in (o.outgoing_id, o.incoming_id)
    inner join auth.users as u on u.id = t.user_id;
    return null;
end
$$;

create trigger queue_legs_left
    after delete on common.transfers
    referencing old table as old_rows
    for each statement when (pg_trigger_depth() > 0) execute function common.queue_legs_left();
