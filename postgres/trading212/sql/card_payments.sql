-- Rows of reports that are about the card. The total has its sign: money out is negative.
select
    :user_id as user_id,
    :account_id as account_id,
    'report:' || r.identity_key as source_key,
    'booked' as status,
    (r.payload ->> 'Total')::numeric as amount,
    upper(r.payload ->> 'Currency (Total)') as currency,
    common.local_day(r.occurred_at, u.time_zone) as booking_date,
    r.occurred_at as booked_at,
    coalesce(r.payload ->> 'Merchant name', r.payload ->> 'Notes', r.payload ->> 'Action')
    as description,
    coalesce(r.payload ->> 'Merchant name', 'Trading 212') as counterparty_name,
    case
        when lower(r.payload ->> 'Action') = 'new card cost' then 'fee'
        when lower(r.payload ->> 'Action') = 'spending cashback' then 'other'
        else 'payment'
    end as kind,
    'trading212.export_rows' as raw_table,
    r.id as raw_id,
    r.first_seen_at
from trading212.export_rows as r
inner join auth.users as u on u.id = r.user_id
where
    r.api_key_id = :api_key_id
    and r.refusal is null
    and lower(r.payload ->> 'Action') in (
        'card debit', 'card credit', 'spending cashback', 'new card cost'
    )
    and (r.payload ->> 'Total')::numeric <> 0
    and not exists (
        select
        from trading212.cash_transactions as c
        where
            c.api_key_id = r.api_key_id
            and c.identity_key = 'id:' || (r.payload ->> 'ID')
    )
