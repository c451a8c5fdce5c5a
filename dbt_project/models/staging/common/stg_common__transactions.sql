with source as (
    select * from {{ source('common', 'transactions') }}
),

renamed as (
    select
        id as transaction_id,
        user_id,
        account_id,
        merchant_id,
        status,
        kind,
        amount,
        currency,
        booking_date,
        value_date,
        booked_at,
        description,
        counterparty_name,
        user_note,
        raw_table,
        raw_id,
        first_seen_at,
        updated_at
    from source
)

select * from renamed
