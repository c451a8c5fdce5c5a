drop trigger keep_spent on auth.refresh_tokens;
drop function auth.keep_spent();
