drop trigger queue_deliveries on common.notifications;
drop function common.queue_deliveries();
