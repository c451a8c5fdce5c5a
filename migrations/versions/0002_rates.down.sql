drop function common.convert(numeric, text, text, date);
drop function common.fx_rate(text, text, date);
drop function common.euro_rate(text, date);
