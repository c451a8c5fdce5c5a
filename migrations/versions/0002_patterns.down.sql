drop function common.is_untouched(common.recurring_patterns);
drop function common.is_payment_of(common.recurring_patterns, common.transactions);
drop trigger follow_linked_payment on common.transactions;
drop trigger follow_moved_link on common.recurring_pattern_transactions;
drop function common.follow_link();
drop trigger follow_old_links on common.recurring_pattern_transactions;
drop trigger follow_new_links on common.recurring_pattern_transactions;
drop function common.follow_links();
drop function common.date_patterns(uuid[]);
drop trigger orphan_patterns on common.accounts;
drop function common.orphan_patterns();
drop function common.account_fingerprint(common.accounts);
drop trigger plan_recurring_pattern on common.recurring_patterns;
drop function common.plan_recurring_pattern();
drop function common.due_near(date, text, date);
drop function common.next_due(date, text, date);
drop function common.due_steps(date, text, date);
drop function common.due_day(date, text, integer);
drop function common.due_leeway(text);
drop function common.due_days(text);
drop function common.due_months(text);

-- The version before knows no pattern without an account, no key of a manual one, no other links.
delete from common.recurring_patterns where account_id is null;
update common.recurring_patterns set detection_key = null where source = 'manual';
update common.recurring_pattern_transactions set source = 'detected' where source = 'matched';
