-- Where an account's working days are decided: by its IBAN, else where its bank is, if that is in
-- one country only, else where the user lives.
with accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

institutions as (
    select * from {{ ref('stg_common__institutions') }}
),

users as (
    select * from {{ ref('stg_auth__users') }}
),

zones as (
    select * from {{ ref('country_time_zones') }}
),

countries as (
    select distinct country from {{ ref('bank_holidays') }}
),

placed as (
    select
        accounts.account_id,
        accounts.user_id,
        case
            when accounts.iban is not null then upper(left(accounts.iban, 2))
            when cardinality(institutions.countries) = 1 then institutions.countries[1]
            else zones.country
        end as country
    from accounts
    inner join institutions on accounts.institution_id = institutions.institution_id
    inner join users on accounts.user_id = users.user_id
    left join zones on users.time_zone = zones.time_zone
)

select
    placed.account_id,
    placed.user_id,
    coalesce(countries.country, '') as country
from placed
left join countries on placed.country = countries.country
