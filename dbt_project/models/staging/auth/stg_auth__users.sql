with source as (
    select * from {{ source('auth', 'users') }}
),

renamed as (
    select
        id as user_id,
        time_zone,
        base_currency
    from source
)

select * from renamed
