with source as (
    select * from {{ source('common', 'merchants') }}
),

renamed as (
    select
        id as merchant_id,
        user_id,
        name as merchant_name
    from source
)

select * from renamed
