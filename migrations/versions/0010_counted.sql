-- As before, but of accounts that count.
create or replace function common.net_worth(owner uuid, base_currency text, first_day date, last_day date)
returns table (
    day date, assets numeric, liabilities numeric, unconverted jsonb, unknown_accounts bigint
)
language sql stable parallel safe
set search_path = pg_catalog, pg_temp
as $$
    with parts as (
        select a.id as account_id, a.currency, b.day, b.amount
        from common.accounts as a
        cross join lateral common.account_balances(a.id, first_day, last_day) as b
        where a.user_id = owner and a.is_counted

        union all

        select null, m.currency, v.day, v.amount
        from common.manual_assets as m
        cross join lateral common.asset_values(m.id, first_day, last_day) as v
        where m.user_id = owner
    ),

    by_currency as (
        select
            p.day,
            p.currency,
            coalesce(sum(p.amount) filter (where p.amount > 0), 0) as assets,
            coalesce(sum(p.amount) filter (where p.amount < 0), 0) as liabilities,
            count(p.account_id) as accounts
        from parts as p
        group by p.day, p.currency
    ),

    converted as (
        select
            c.*,
            -- Nothing is nothing in every currency.
            case
                when c.assets = 0 then 0
                else common.convert(c.assets, c.currency, base_currency, c.day)
            end as assets_in_base,
            case
                when c.liabilities = 0 then 0
                else common.convert(c.liabilities, c.currency, base_currency, c.day)
            end as liabilities_in_base
        from by_currency as c
    )

    select
        c.day,
        coalesce(sum(c.assets_in_base), 0),
        coalesce(sum(c.liabilities_in_base), 0),
        coalesce(
            jsonb_object_agg(c.currency, c.assets + c.liabilities)
                filter (where c.assets_in_base is null or c.liabilities_in_base is null),
            '{}'
        ),
        (select count(*) from common.accounts as a where a.user_id = owner and a.is_counted)
        - sum(c.accounts)::bigint
    from converted as c
    group by c.day
$$;

-- As before, but on accounts that count.
create or replace function common.spending(owner uuid, first_day date, last_day date)
returns table (
    transaction_id uuid,
    tag_id uuid,
    day date,
    is_pending boolean,
    amount numeric,
    currency text,
    is_spending boolean
)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select
        t.id,
        s.tag_id,
        t.day,
        t.status = 'pending',
        coalesce(s.amount, t.amount),
        t.currency,
        t.amount < 0
        or exists (
            select 1
            from common.transactions as p
            where
                p.user_id = t.user_id
                and p.merchant_id = t.merchant_id
                and p.currency = t.currency
                and p.status = 'booked'
                and p.booking_date <= t.day
                and p.amount <= -t.amount
        )
        or exists (
            select 1
            from common.transaction_splits as q
            inner join common.transactions as p on p.id = q.transaction_id
            where
                q.user_id = t.user_id
                and q.tag_id = s.tag_id
                and q.currency = t.currency
                and q.amount <= -s.amount
                and s.amount > 0
                and p.status = 'booked'
                and p.booking_date <= t.day
        )
    from (
        select b.*, b.booking_date as day
        from common.transactions as b
        where b.user_id = owner and b.booking_date between first_day and last_day
        union all
        select n.*, d.day
        from common.transactions as n
        inner join auth.users as u on u.id = n.user_id
        cross join lateral (
            select coalesce(n.value_date, common.local_day(n.first_seen_at, u.time_zone)) as day
        ) as d
        where
            n.user_id = owner
            and n.booking_date is null
            and d.day between first_day and last_day
    ) as t
    inner join common.accounts as a on a.id = t.account_id and a.is_counted
    left join common.transaction_splits as s on s.transaction_id = t.id
    where
        t.status <> 'void'
        and t.kind in ('payment', 'fee', 'tax', 'interest', 'other')
        and not exists (
            select 1
            from common.transfers as x
            where x.outgoing_id = t.id and x.status in ('linked', 'confirmed')
        )
        and not exists (
            select 1
            from common.transfers as x
            where x.incoming_id = t.id and x.status in ('linked', 'confirmed')
        )
$$;
