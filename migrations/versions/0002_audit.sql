-- One row a change, with the row before and after. A statement's changes are written in one insert.
-- The first argument names the key, separated by commas; the others, if any, are the only columns
-- that count: those that the user decides on in a table that a sync writes.
create function common.audit_changes() returns trigger
language plpgsql security definer
set search_path = pg_catalog
as $$
declare
    keys text[] := string_to_array(tg_argv[0], ',');
    watched text[] := tg_argv[1:];
    is_partial boolean := tg_nargs > 1;
    owner_column text := case when tg_relid = 'auth.users'::regclass then 'id' else 'user_id' end;
begin
    if tg_op = 'INSERT' then
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            r.user_id, tg_table_schema || '.' || tg_table_name,
            common.pick(to_jsonb(r), keys), 'insert', null, to_jsonb(r)
        from new_rows as r
        inner join auth.users as u on u.id = r.user_id;
    elsif tg_op = 'DELETE' then
        -- What goes with its user leaves no trace.
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            r.user_id, tg_table_schema || '.' || tg_table_name,
            common.pick(to_jsonb(r), keys), 'delete', to_jsonb(r), null
        from old_rows as r
        inner join auth.users as u on u.id = r.user_id;
    else
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            o.user_id, tg_table_schema || '.' || tg_table_name, o.key, 'update', o.data, n.data
        from (
            select
                (to_jsonb(r) ->> owner_column)::uuid as user_id,
                common.pick(to_jsonb(r), keys) as key,
                case when is_partial then common.pick(to_jsonb(r), watched) else to_jsonb(r) end
                    as data
            from old_rows as r
        ) as o
        inner join (
            select
                common.pick(to_jsonb(r), keys) as key,
                case when is_partial then common.pick(to_jsonb(r), watched) else to_jsonb(r) end
                    as data
            from new_rows as r
        ) as n on n.key = o.key
        where o.data - 'updated_at' is distinct from n.data - 'updated_at';
    end if;
    return null;
end
$$;

create function common.pick(row_data jsonb, names text[]) returns jsonb
language sql immutable parallel safe
as $$
    select jsonb_object_agg(name, row_data -> name) from unnest(names) as name
$$;

-- Append-only, for the owner of the table as well: a row goes with its user and not before.
create function common.keep_audit_log() returns trigger
language plpgsql as $$
begin
    if tg_op = 'DELETE' and not exists (select from auth.users where id = old.user_id) then
        return old;
    end if;
    raise exception 'common.audit_log is append-only'
        using errcode = 'insufficient_privilege';
end
$$;

create trigger keep_audit_log
    before update or delete on common.audit_log
    for each row execute function common.keep_audit_log();

create function common.refuse_truncate() returns trigger
language plpgsql as $$
begin
    raise exception 'common.audit_log is append-only'
        using errcode = 'insufficient_privilege';
end
$$;

create trigger refuse_truncate
    before truncate on common.audit_log
    for each statement execute function common.refuse_truncate();
