with source as (
    select * from {{ source('common', 'institutions') }}
),

renamed as (
    select
        id as institution_id,
        provider,
        name as institution_name,
        countries
    from source
)

select * from renamed
