-- A cursor never goes back while update ids go up. Telegram keeps an update for a day and numbers
-- anew after a week without one, so a lower id three days after the last is another series.
create function telegram.keep_forward() returns trigger
language plpgsql as $$
begin
    if old.last_update_id is not null
        and (new.last_update_id is null or new.last_update_id < old.last_update_id)
        and (new.advanced_at is null or new.advanced_at < old.advanced_at + interval '3 days')
    then
        raise exception 'telegram.polling_cursors %: update % comes before %',
            old.bot_id, new.last_update_id, old.last_update_id
            using errcode = 'check_violation', constraint = 'ck_polling_cursors__forward';
    end if;
    return new;
end
$$;

create trigger keep_forward
    before update of last_update_id, advanced_at on telegram.polling_cursors
    for each row execute function telegram.keep_forward();
