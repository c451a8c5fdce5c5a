with source as (
    select * from {{ source('common', 'account_links') }}
),

renamed as (
    select
        id as account_link_id,
        user_id,
        account_id,
        connection_id,
        provider,
        provider_account_id
    from source
)

select * from renamed
