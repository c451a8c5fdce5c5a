-- The sets of payments that are tried as one series: all of a merchant's, then its families of
-- ever closer amounts. Sorted by amount, a step of more than 30, 13, 4 and 0 percent starts a new
-- family, so families nest: what two levels agree on is kept once, at the coarser level.
with candidates as (
    select * from {{ ref('int_recurring_candidates') }}
),

steps as (
    select
        transaction_id,
        stream_key,
        stream_count,
        booking_date,
        amount,
        abs(amount) / lag(abs(amount)) over by_amount - 1 as step
    from candidates
    where stream_count >= 2
    window by_amount as (partition by stream_key order by abs(amount), transaction_id)
),

islands as (
    select
        transaction_id,
        stream_key,
        stream_count,
        booking_date,
        amount,
        count(*) filter (where step > 0.30) over by_amount as island_30,
        count(*) filter (where step > 0.13) over by_amount as island_13,
        count(*) filter (where step > 0.04) over by_amount as island_4,
        count(*) filter (where step > 0) over by_amount as island_0
    from steps
    window by_amount as (partition by stream_key order by abs(amount), transaction_id)
),

sizes as (
    select
        *,
        count(*) over (partition by stream_key, island_30) as size_30,
        count(*) over (partition by stream_key, island_13) as size_13,
        count(*) over (partition by stream_key, island_4) as size_4,
        count(*) over (partition by stream_key, island_0) as size_0
    from islands
)

select
    sizes.stream_key || ':' || levels.level || ':' || levels.island as family_key,
    sizes.stream_key,
    sizes.transaction_id,
    levels.level,
    levels.family_count::integer as family_count,
    sizes.stream_count::integer as stream_count,
    sizes.booking_date,
    sizes.amount
from sizes
cross join
    lateral (
        values
        (0, 0, sizes.stream_count, 0),
        (1, sizes.island_30, sizes.size_30, sizes.stream_count),
        (2, sizes.island_13, sizes.size_13, sizes.size_30),
        (3, sizes.island_4, sizes.size_4, sizes.size_13),
        (4, sizes.island_0, sizes.size_0, sizes.size_4)
    ) as levels (level, island, family_count, parent_count)
where levels.family_count >= 2 and levels.family_count <> levels.parent_count
