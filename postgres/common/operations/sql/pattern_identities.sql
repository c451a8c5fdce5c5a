-- Which pattern a finding is when detection calls it by a key that is not known, or known only from a
-- proposal that nobody touched. The payments tell best: a pattern that shares half of them, of the
-- smaller side, is the same; of several that share about as many, the one that the user decided on,
-- then the older one. If detection still finds the pattern as such, more than half of the finding's
-- own have to be its, and the finding has to follow it: what goes on beside it is a series of its
-- own, unless the user does not want the pattern at all. Where there is nothing to compare, because
-- the rows or the account were replaced, the merchant, the rhythm and about the price have to agree,
-- or without the merchant the day and the very price, and the pattern must not go on beside the
-- finding: then that is another one of the same merchant.
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
    select
        k.pattern_id,
        max(f.detected_last_date) as last_date
    from known as k
    inner join found_patterns as f
        on k.user_id = f.user_id and k.detection_key = f.detection_key
    where not f.detected_is_ended
    group by k.pattern_id
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

spans as materialized (
    select
        f.user_id,
        f.detection_key,
        count(*) as payments,
        min(t.booking_date) as first_date,
        max(t.booking_date) as last_date
    from findings as f
    inner join found_occurrences as o
        on f.user_id = o.user_id and f.detection_key = o.detection_key
    inner join common.transactions as t on o.transaction_id = t.id
    group by f.user_id, f.detection_key
),

counted as (
    select
        s.*,
        f.first_date,
        f.last_date,
        f.payments as found_payments,
        l.payments as linked_payments,
        l.first_date as linked_first_date
    from shared as s
    inner join spans as f on s.user_id = f.user_id and s.detection_key = f.detection_key
    cross join
        lateral (
            select
                count(*) as payments,
                min(t.booking_date) as first_date
            from common.recurring_pattern_transactions as l
            inner join common.transactions as t on l.transaction_id = t.id
            where l.pattern_id = s.pattern_id
        ) as l
    where s.payments >= 2
),

same as (
    select
        c.*,
        p.created_at,
        p.status = 'cancelled' as is_cancelled,
        common.is_untouched(p) as is_untouched,
        max(c.payments) over (partition by c.user_id, c.detection_key) as most_payments
    from counted as c
    inner join findings as f on c.user_id = f.user_id and c.detection_key = f.detection_key
    inner join common.recurring_patterns as p on c.pattern_id = p.id
    left join alive as a on p.id = a.pattern_id
    where
        case
            when a.pattern_id is null
                then 2 * c.payments >= least(c.found_payments, c.linked_payments)
            else
                f.own_id is null
                and 2 * c.payments > c.found_payments
                and (p.status = 'cancelled' or c.first_date > a.last_date)
        end
        -- Of two proposals that nobody touched, neither is the other.
        and (f.own_id is null or not common.is_untouched(p))
),

chosen as (
    select distinct on (s.user_id, s.detection_key) s.*
    from same as s
    order by
        s.user_id asc,
        s.detection_key asc,
        3 * s.payments >= s.most_payments desc,
        s.is_untouched asc,
        s.created_at asc,
        s.linked_first_date asc,
        s.payments desc,
        s.pattern_id asc
),

led as (
    select
        c.*,
        first_value(c.detection_key) over larger as leader,
        first_value(c.first_date) over larger as leader_first_date,
        first_value(c.last_date) over larger as leader_last_date
    from chosen as c
    window
        larger as (
            partition by c.pattern_id order by c.payments desc, c.first_date, c.detection_key
        )
),

-- Of findings beside each other only one is the pattern.
by_payments as materialized (
    select
        l.user_id,
        l.detection_key,
        l.pattern_id
    from led as l
    where
        l.is_cancelled
        or l.detection_key = l.leader
        or l.first_date > l.leader_last_date
        or l.last_date < l.leader_first_date
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
            -- Under a name that nothing is left of it follows at once, to the day and the penny.
            or (
                m.amount = f.detected_amount
                and abs(common.due_near(m.anchor_date, m.frequency, m.day) - m.day) <= 3
                and exists (
                    select from spans as s
                    where
                        s.user_id = f.user_id
                        and s.detection_key = f.detection_key
                        and s.first_date
                        <= common.due_day(p.linked_last_date, m.frequency, 1)
                        + common.due_leeway(m.frequency)
                )
            )
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
