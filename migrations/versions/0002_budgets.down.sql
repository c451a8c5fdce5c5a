drop function common.spending(uuid, date, date);
drop function common.local_day(timestamptz, text);
drop function common.budget_period_number(text, date, date);
drop function common.budget_period_start(text, date, integer);
drop function common.minor_digits(text);
