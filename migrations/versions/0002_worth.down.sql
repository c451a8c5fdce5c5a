drop function common.goal_progress(uuid, date);
drop function common.net_worth(uuid, text, date, date);
drop function common.asset_values(uuid, date, date);
drop function common.account_balances(uuid, date, date);
