with source as (
    select * from {{ source('common', 'merchant_aliases') }}
),

renamed as (
    select
        user_id,
        name as alias_name,
        merchant_id
    from source
)

select * from renamed
