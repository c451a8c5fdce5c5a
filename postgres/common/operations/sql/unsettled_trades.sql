-- Whether a trade was not worked out yet, or the trades leave another number than is held.
with trades as (
    select
        t.instrument_id,
        t.security_id,
        t.quantity
    from common.trades as t
    where t.account_id = :account_id and t.user_id = :user_id
),

held as (
    select
        h.instrument_id,
        h.quantity
    from common.holdings as h
    where
        h.account_id = :account_id
        and h.user_id = :user_id
        and h.as_of = (select max(l.as_of) from common.holdings as l where l.account_id = :account_id)
)

select
    exists (select from trades as t where t.security_id is null)
    or exists (
        select 1
        from (
            select
                t.security_id as id,
                t.quantity
            from trades as t
            union all
            select
                h.instrument_id,
                -h.quantity
            from held as h
        ) as u
        group by u.id
        having sum(u.quantity) <> 0
    )
