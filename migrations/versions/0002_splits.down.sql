drop trigger splits_are_balanced on common.transactions;
drop trigger changed_splits_are_balanced on common.transaction_splits;
drop trigger splits_are_balanced on common.transaction_splits;
drop function common.check_splits();
drop function common.check_splits_of(uuid);
drop trigger rescale_splits on common.transactions;
drop function common.rescale_splits();
drop function common.apportion(numeric, numeric[], text);
