-- Whose session it is. Set for one transaction by postgres.sessions; unset, it is nobody's.
create function auth.session_user_id() returns uuid
language sql stable parallel safe
as $$
    select nullif(current_setting('farthing.user_id', true), '')::uuid
$$;

-- The platform itself reads and writes for everybody: the owner of the tables, as long as it does
-- not act for one user.
create function auth.sees_everybody() returns boolean
language sql stable parallel safe
as $$
    select
        auth.session_user_id() is null
        and pg_has_role(
            current_user,
            (select relowner from pg_class where oid = 'auth.users'::regclass),
            'usage'
        )
$$;
