drop function auth.sees_everybody();
drop function auth.session_user_id();
