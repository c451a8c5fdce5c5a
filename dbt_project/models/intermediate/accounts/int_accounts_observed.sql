-- How far each account has been read. Silence only means something on days that were.
with accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

links as (
    select * from {{ ref('stg_common__account_links') }}
),

jobs as (
    select * from {{ ref('stg_common__jobs') }}
),

bank_accounts as (
    select * from {{ ref('stg_gocardless__bank_accounts') }}
),

snapshots as (
    select
        account_id,
        max(observed_at) as last_observed_at
    from {{ ref('stg_common__balance_snapshots') }}
    group by account_id
),

syncs as (
    select
        connection_id,
        max(finished_at) as last_synced_at
    from jobs
    where job_type = 'sync' and status = 'completed'
    group by connection_id
),

linked as (
    select
        links.account_id,
        max(links.provider) as provider,
        max(syncs.last_synced_at) as last_synced_at,
        max(bank_accounts.transactions_through) as read_through
    from links
    left join syncs on links.connection_id = syncs.connection_id
    left join bank_accounts
        on
            links.provider = 'gocardless'
            and links.user_id = bank_accounts.user_id
            and links.provider_account_id = bank_accounts.provider_account_id
    group by links.account_id
)

select
    accounts.account_id,
    accounts.user_id,
    linked.provider,
    linked.read_through,
    greatest(linked.last_synced_at, snapshots.last_observed_at) as data_as_of
from accounts
left join linked on accounts.account_id = linked.account_id
left join snapshots on accounts.account_id = snapshots.account_id
