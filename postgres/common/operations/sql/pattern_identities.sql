-- Which pattern a finding is when detection calls it by a key that is not known, or known only from a
-- proposal that nobody touched. The payments tell best: a pattern that shares half of them, of the
-- smaller side, is the same. If detection still finds the pattern as such, more than half of the
-- finding's own have to be its: then it fell in two. Where there is nothing to compare, because the
-- rows or the account were replaced, the merchant, the rhythm and about the price have to agree, and
-- the pattern must not go on beside the finding: then that is another one of the same merchant.
with known as materialized (
    select
        p.user_id,
        p.detection_key,
        p.id as pattern_id
    from common.recurring_patterns as p
    where p.detection_key is not null
    union all
    select
        a.user_id,
        a.detection_key,
        a.pattern_id
    from common.recurring_aliases as a
),

-- Detection still finds them as such.
alive as materialized (
    select distinct k.pattern_id
    from known as k
    inner join found_patterns as f
        on k.user_id = f.user_id and k.detection_key = f.detection_key
    where not f.detected_is_ended
),

findings as materialized (
    select
        f.*,
        p.id as own_id
    from found_patterns as f
    left join known as k on f.user_id = k.user_id and f.detection_key = k.detection_key
    left join common.recurring_patterns as p on k.pattern_id = p.id
    where p.id is null or (p.detection_key = f.detection_key and common.is_untouched(p))
),

shared as (
    select
        f.user_id,
        f.detection_key,
        l.pattern_id,
        count(*) as payments
    from findings as f
    inner join found_occurrences as o
        on f.user_id = o.user_id and f.detection_key = o.detection_key
    inner join common.recurring_pattern_transactions as l on o.transaction_id = l.transaction_id
    where l.pattern_id is distinct from f.own_id
    group by f.user_id, f.detection_key, l.pattern_id
),

counted as (
    select
        s.*,
        (
            select count(*)
            from found_occurrences as o
            where o.user_id = s.user_id and o.detection_key = s.detection_key
        ) as found_payments,
        (
            select count(*)
            from common.recurring_pattern_transactions as l
            where l.pattern_id = s.pattern_id
        ) as linked_payments
    from shared as s
    where s.payments >= 2
),

by_payments as materialized (
    select distinct on (c.user_id, c.detection_key)
        c.user_id,
        c.detection_key,
        c.pattern_id
    from counted as c
    inner join findings as f on c.user_id = f.user_id and c.detection_key = f.detection_key
    inner join common.recurring_patterns as p on c.pattern_id = p.id
    left join alive as a on p.id = a.pattern_id
    where
        case
            when a.pattern_id is null
                then 2 * c.payments >= least(c.found_payments, c.linked_payments)
            else f.own_id is null and 2 * c.payments > c.found_payments
        end
        -- Of two proposals that nobody touched, neither is the other.
        and (f.own_id is null or not common.is_untouched(p))
    order by
        c.user_id, c.detection_key, c.payments desc, p.status <> 'cancelled', p.created_at, p.id
),

alike as (
    select
        f.user_id,
        f.detection_key,
        p.id as pattern_id,
        p.status <> 'cancelled' as is_live,
        p.created_at,
        similarity(m.text, f.detected_name) as likeness,
        abs(ln(f.detected_amount / nullif(m.amount, 0))) as price_step
    from findings as f
    inner join common.recurring_patterns as p
        on f.user_id = p.user_id and f.direction = p.direction and f.currency = p.currency
    cross join
        lateral (
            select
                coalesce(p.detected_name, p.merchant_contains, p.user_name) as text,
                coalesce(p.detected_amount, p.user_amount) as amount,
                coalesce(p.detected_frequency, p.user_frequency) as frequency,
                coalesce(p.detected_anchor_date, p.user_next_date) as anchor_date,
                coalesce(f.detected_next_date, f.detected_last_date) as day
        ) as m
    where
        f.own_id is null
        and (f.user_id, f.detection_key) not in (
            select
                b.user_id,
                b.detection_key
            from by_payments as b
        )
        and p.id not in (select a.pattern_id from alive as a)
        and p.id not in (select b.pattern_id from by_payments as b)
        and (
            p.merchant_id = f.merchant_id
            or similarity(m.text, f.detected_name) >= 0.5
            or greatest(
                strict_word_similarity(m.text, f.detected_name),
                strict_word_similarity(f.detected_name, m.text)
            ) >= 0.8
        )
        and m.frequency = f.detected_frequency
        and (
            m.anchor_date is null
            or common.due_near(m.anchor_date, m.frequency, m.day) is not null
        )
        and (m.amount is null or f.detected_amount is null or f.detected_amount / nullif(m.amount, 0) between 0.6 and 1.7)
        and case
            when p.account_id is null
                then p.account_fingerprint = (
                    select common.account_fingerprint(a) from common.accounts as a
                    where a.id = f.account_id
                )
            when p.account_id = f.account_id
                -- Its payments are over, or gone, when those begin that it does not have.
                then not exists (
                    select
                    from found_occurrences as o
                    inner join common.transactions as t on o.transaction_id = t.id
                    left join common.recurring_pattern_transactions as l
                        on o.transaction_id = l.transaction_id and l.pattern_id = p.id
                    where
                        o.user_id = f.user_id
                        and o.detection_key = f.detection_key
                        and l.transaction_id is null
                        and t.booking_date <= p.linked_last_date
                )
            -- The bank gave the account another number, and the old one is still.
            else exists (
                select
                from common.accounts as was
                inner join common.accounts as is_now
                    on
                        was.user_id = is_now.user_id
                        and was.institution_id = is_now.institution_id
                        and was.currency = is_now.currency
                where
                    was.id = p.account_id
                    and is_now.id = f.account_id
                    and not exists (
                        select
                        from common.transactions as t
                        where
                            t.account_id = was.id
                            and t.status = 'booked'
                            and t.booking_date >= f.detected_last_date
                    )
            )
        end
),

ranked as (
    select
        a.*,
        row_number() over (
            partition by a.user_id, a.detection_key
            order by a.price_step, a.likeness desc, a.is_live, a.created_at, a.pattern_id
        ) as pattern_rank,
        row_number() over (
            partition by a.pattern_id
            order by a.price_step, a.likeness desc, a.detection_key
        ) as finding_rank
    from alike as a
)

select
    b.user_id,
    b.detection_key,
    b.pattern_id
from by_payments as b
union all
select
    r.user_id,
    r.detection_key,
    r.pattern_id
from ranked as r
where r.pattern_rank = 1 and r.finding_rank = 1
