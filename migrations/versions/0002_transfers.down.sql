drop trigger queue_legs_left on common.transfers;
drop function common.queue_legs_left();
drop trigger queue_changed_transactions on common.transactions;
drop trigger queue_new_transactions on common.transactions;
drop function common.queue_changed_transactions();
drop function common.queue_new_transactions();
drop function common.business_days(date, date);
