-- One row a change, with the row before and after. A statement's changes are written in one insert.
-- What goes with its user leaves no trace, and neither does what other triggers do on that way.
-- The argument names the key of the table, separated by commas.
create function common.audit_changes() returns trigger
language plpgsql security definer
as $$
declare
    keys text[] := string_to_array(tg_argv[0], ',');
begin
    if tg_op = 'INSERT' then
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            r.user_id, tg_table_schema || '.' || tg_table_name,
            common.pick(to_jsonb(r), keys), 'insert', null, to_jsonb(r)
        from new_rows as r
        inner join auth.users as u on u.id = r.user_id;
    elsif tg_op = 'DELETE' then
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            r.user_id, tg_table_schema || '.' || tg_table_name,
            common.pick(to_jsonb(r), keys), 'delete', to_jsonb(r), null
        from old_rows as r
        inner join auth.users as u on u.id = r.user_id;
    else
        -- A row that references change twice is there twice, so rows are paired by their places.
        insert into common.audit_log (user_id, table_name, row_key, action, before, after)
        select
            o.user_id, tg_table_schema || '.' || tg_table_name,
            common.pick(o.data, keys), 'update', o.data, n.data
        from (
            select r.user_id, to_jsonb(r) as data, row_number() over () as place
            from old_rows as r
        ) as o
        inner join (
            select to_jsonb(r) as data, row_number() over () as place
            from new_rows as r
        ) as n on n.place = o.place
        inner join auth.users as u on u.id = o.user_id
        where o.data - 'updated_at' is distinct from n.data - 'updated_at'
        order by o.place;
    end if;
    return null;
end
$$;

-- The same for a table that a sync writes, of which only the columns count that the user decides on.
-- The trigger's condition asks whether one of them changed: a sync's own changes cost nothing more.
-- The first argument names the owner's column, the second the key, the others the columns.
create function common.audit_decision() returns trigger
language plpgsql security definer
as $$
begin
    insert into common.audit_log (user_id, table_name, row_key, action, before, after)
    select
        u.id, tg_table_schema || '.' || tg_table_name,
        common.pick(to_jsonb(new), string_to_array(tg_argv[1], ',')), 'update',
        common.pick(to_jsonb(old), tg_argv[2:]), common.pick(to_jsonb(new), tg_argv[2:])
    from auth.users as u
    where u.id = (to_jsonb(new) ->> tg_argv[0])::uuid;
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
