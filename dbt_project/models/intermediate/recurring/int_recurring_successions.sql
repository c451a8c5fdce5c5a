-- Families that follow each other are one series: the later one begins where the next payment of
-- the earlier one was due, in the same rhythm. With one merchant the price may have changed, and at
-- one price the merchant's wording may have, but not both.
with recursive claims as (
    select
        claims.*,
        candidates.account_id,
        candidates.direction,
        candidates.currency
    from {{ ref('int_recurring_claims') }} as claims
    inner join {{ ref('int_recurring_candidates') }} as candidates
        on claims.transaction_id = candidates.transaction_id
),

families as (
    select
        family_key,
        account_id,
        direction,
        currency,
        stream_key,
        frequency,
        nominal_day,
        (array_agg(amount order by booking_date))[1] as first_amount,
        (array_agg(amount order by booking_date desc))[1] as last_amount,
        min(booking_date) as first_date,
        max(booking_date) as last_date,
        percentile_disc(0.5) within group (order by amount) as usual_amount,
        stddev_pop(amount) / abs(avg(amount)) as amount_variation
    from claims
    group by
        family_key, account_id, direction, currency, stream_key, frequency, nominal_day
),

followers as (
    select
        earlier.family_key as earlier_key,
        later.family_key as later_key,
        row_number() over (
            partition by earlier.family_key
            order by
                later.stream_key <> earlier.stream_key,
                abs(ln(later.usual_amount / earlier.usual_amount))
                + 0.1 * (later.first_date - earlier.last_date) * cadences.per_year / 365.25,
                later.family_key
        ) as later_rank,
        row_number() over (
            partition by later.family_key
            order by
                later.stream_key <> earlier.stream_key,
                abs(ln(later.usual_amount / earlier.usual_amount))
                + 0.1 * (later.first_date - earlier.last_date) * cadences.per_year / 365.25,
                earlier.family_key
        ) as earlier_rank
    from families as earlier
    inner join families as later
        on
            earlier.account_id = later.account_id
            and earlier.direction = later.direction
            and earlier.currency = later.currency
            and earlier.frequency = later.frequency
            and earlier.last_date < later.first_date
    inner join {{ recurring_cadences() }} on earlier.frequency = cadences.frequency
    where
        case
            when earlier.stream_key = later.stream_key
                then
                    later.usual_amount / earlier.usual_amount between 0.6 and 1.7
                    and later.first_date - earlier.last_date < 2.5 * 365.25 / cadences.per_year
            else
                -- At the same price, or as near to it as payments of varying amounts are to each
                -- other.
                (
                    later.first_amount = earlier.last_amount
                    or abs(ln(later.usual_amount / earlier.usual_amount))
                    <= 2 * least(earlier.amount_variation, later.amount_variation)
                )
                and later.first_date - earlier.last_date < 1.5 * 365.25 / cadences.per_year
        end
        and case
            when cadences.unit = 'day'
                then abs(
                    (later.first_date - earlier.last_date + cadences.period / 2)
                    % cadences.period - cadences.period / 2
                ) <= cadences.tolerance
            else least(
                abs(later.nominal_day - earlier.nominal_day),
                31 - abs(later.nominal_day - earlier.nominal_day)
            ) <= cadences.tolerance
        end
),

links as (
    select
        earlier_key,
        later_key
    from followers
    where later_rank = 1 and earlier_rank = 1
),

chains as (
    select
        families.family_key,
        families.family_key as series_key
    from families
    left join links on families.family_key = links.later_key
    where links.later_key is null
    union all
    select
        links.later_key as family_key,
        chains.series_key
    from chains
    inner join links on chains.family_key = links.earlier_key
)

select
    family_key,
    series_key
from chains
