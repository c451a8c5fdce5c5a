with trades as (
    select * from {{ ref('stg_common__trades') }}
),

disposals as (
    select * from {{ ref('stg_common__disposals') }}
),

transactions as (
    select * from {{ ref('stg_common__transactions') }}
),

accounts as (
    select * from {{ ref('stg_common__accounts') }}
),

-- A tax year begins on 6 April, and goes by the year in which it does.
sales as (
    select
        disposals.user_id,
        extract(year from trades.trade_date - interval '3 months 5 days')::integer as year,
        trades.trade_id,
        sum(disposals.proceeds) as proceeds,
        sum(disposals.fees + disposals.cost) as costs,
        bool_and(disposals.cost is not null and disposals.proceeds is not null) as is_known
    from disposals
    inner join trades on disposals.trade_id = trades.trade_id
    where disposals.method = 'section_104'
    group by disposals.user_id, year, trades.trade_id
),

sold as (
    select
        user_id,
        year,
        count(*) as disposal_count,
        count(*) filter (where not is_known) as unknown_count,
        sum(proceeds) filter (where is_known) as proceeds,
        sum(costs) filter (where is_known) as costs,
        sum(proceeds + costs) filter (where is_known and proceeds + costs > 0) as gains,
        sum(proceeds + costs) filter (where is_known and proceeds + costs < 0) as losses
    from sales
    group by user_id, year
),

-- Pounds, where a rate is known; what is sheltered or not counted is not there.
payments as (
    select
        transactions.user_id,
        transactions.kind,
        extract(year from transactions.booking_date - interval '3 months 5 days')::integer as year,
        common.convert(
            transactions.amount, transactions.currency, 'GBP', transactions.booking_date
        ) as amount
    from transactions
    inner join accounts on transactions.account_id = accounts.account_id
    where
        transactions.status = 'booked'
        and transactions.kind in ('dividend', 'interest')
        and accounts.account_type in ('investment', 'trading')
        and accounts.is_counted
        and accounts.tax_wrapper is null
),

earned as (
    select
        user_id,
        year,
        sum(amount) filter (where kind = 'dividend') as dividends,
        sum(amount) filter (where kind = 'interest') as interest,
        count(*) filter (where amount is null) as unconverted_count
    from payments
    group by user_id, year
),

years as (
    select
        user_id,
        year
    from sold
    union
    select
        user_id,
        year
    from earned
)

select
    years.user_id,
    'GBP' as currency,
    format('%s/%s', years.year, lpad(((years.year + 1) % 100)::text, 2, '0')) as tax_year,
    make_date(years.year, 4, 6) as first_day,
    make_date(years.year + 1, 4, 5) as last_day,
    coalesce(sold.disposal_count, 0)::integer as disposal_count,
    coalesce(sold.unknown_count, 0)::integer as unknown_count,
    coalesce(sold.proceeds, 0) as proceeds,
    coalesce(sold.costs, 0) as costs,
    coalesce(sold.gains, 0) as gains,
    coalesce(sold.losses, 0) as losses,
    coalesce(sold.gains, 0) + coalesce(sold.losses, 0) as net_gain,
    trim_scale(coalesce(earned.dividends, 0)) as dividends,
    trim_scale(coalesce(earned.interest, 0)) as interest,
    coalesce(earned.unconverted_count, 0)::integer as unconverted_count
from years
left join sold
    on
        years.user_id = sold.user_id
        and years.year = sold.year
left join earned
    on
        years.user_id = earned.user_id
        and years.year = earned.year
