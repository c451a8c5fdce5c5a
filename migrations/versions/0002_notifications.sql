-- The outbox is filled in the transaction that says something, whoever says it. A channel that is
-- deleted at the same moment is waited for and then gone.
create function common.queue_deliveries() returns trigger
language plpgsql
as $$
begin
    insert into common.notification_deliveries (user_id, notification_id, channel_id)
    select n.user_id, n.id, c.id
    from new_rows as n
    inner join common.notification_channels as c on c.user_id = n.user_id
    where c.is_enabled and (c.types is null or n.type = any (c.types))
    for key share of c;
    return null;
end
$$;

create trigger queue_deliveries
    after insert on common.notifications
    referencing new table as new_rows
    for each statement execute function common.queue_deliveries();
