with source as (
    select * from {{ source('common', 'jobs') }}
),

renamed as (
    select
        id as job_id,
        user_id,
        connection_id,
        job_type,
        status,
        started_at,
        finished_at
    from source
)

select * from renamed
