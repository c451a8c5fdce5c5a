drop trigger drop_instalments on common.manual_asset_values;
drop function common.drop_instalments();
drop trigger keep_contribution on common.goal_contributions;
drop function common.keep_contribution();
drop trigger pause_without_account on common.goals;
drop function common.pause_goal_without_account();
