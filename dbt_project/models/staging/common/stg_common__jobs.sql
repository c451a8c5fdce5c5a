select
    id as job_id,
    user_id,
    connection_id,
    job_type,
    status,
    started_at,
    finished_at
from {{ source('common', 'jobs') }}
