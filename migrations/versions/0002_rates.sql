-- Units of a currency for one euro: the reference rate of the day, else the last one before it that
-- is at most a week old, which is longer than any weekend with holidays. NULL: there is none.
create function common.euro_rate(iso_code text, on_day date) returns numeric
language sql stable strict parallel safe
as $$
    select
        case iso_code
            when 'EUR' then 1
            else (
                select r.rate
                from common.fx_rates as r
                where r.currency = iso_code and r.day between on_day - 7 and on_day
                order by r.day desc
                limit 1
            )
        end
$$;

-- What one of a currency is worth in another, to at least 16 significant digits. ISO 4217 codes
-- only: a unit such as GBX is no currency and has no rate, see common.convert. A missing rate is
-- NULL and never 1.
create function common.fx_rate(from_currency text, to_currency text, on_day date) returns numeric
language sql stable parallel safe
as $$
    select
        case
            when from_currency = to_currency then 1::numeric
            else common.euro_rate(to_currency, on_day) / common.euro_rate(from_currency, on_day)
        end
$$;

-- An amount in another currency or unit, not rounded. Minor units count as parts of their currency.
-- It multiplies before it divides: what has an exact result gets it.
create function common.convert(amount numeric, from_unit text, to_unit text, on_day date)
returns numeric
language sql stable parallel safe
as $$
    select
        case
            when common.major_currency(from_unit) = common.major_currency(to_unit)
                then amount * common.units_per_major(to_unit) / common.units_per_major(from_unit)
            else
                amount * common.units_per_major(to_unit)
                * common.euro_rate(common.major_currency(to_unit), on_day)
                / (
                    common.units_per_major(from_unit)
                    * common.euro_rate(common.major_currency(from_unit), on_day)
                )
        end
$$;
