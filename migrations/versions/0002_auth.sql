-- A token that was used or revoked never becomes good again, and none becomes another.
create function auth.keep_spent() returns trigger
language plpgsql as $$
begin
    if (old.used_at is not null and new.used_at is distinct from old.used_at)
        or (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at)
        or (new.id, new.family_id, new.token_hash, new.issued_at, new.expires_at)
        is distinct from
        (old.id, old.family_id, old.token_hash, old.issued_at, old.expires_at)
    then
        raise exception 'auth.refresh_tokens %: what is issued, used or revoked stays so', old.id
            using errcode = 'check_violation', constraint = 'ck_refresh_tokens__spent_stays_spent';
    end if;
    return new;
end
$$;

create trigger keep_spent
    before update on auth.refresh_tokens
    for each row execute function auth.keep_spent();
