drop trigger archive_planned_transaction on common.planned_transactions;
drop function common.archive_planned_transaction();
