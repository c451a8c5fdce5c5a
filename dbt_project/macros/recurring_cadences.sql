{% macro recurring_cadences() -%}
    {#- What a rhythm is. One row per cadence:
        unit and period     a step: so many days, or so many calendar months
        gap_min, gap_max    the median gap in days that makes it worth a try
        tolerance           how many days beside the due day are still on time
        base_repeats        payments that it takes, all else being perfect
        grace               days that a payment may be overdue before the series counts as ended
        per_year            payments a year -#}
    (
        values
        ('weekly', 'day', 7, 6, 8, 1, 3, 15, 365.25 / 7),
        ('fortnightly', 'day', 14, 12, 16, 2, 3, 22, 365.25 / 14),
        ('four_weekly', 'day', 28, 26, 30, 3, 3, 35, 365.25 / 28),
        ('monthly', 'month', 1, 25, 36, 3, 3, 38, 12),
        ('bimonthly', 'month', 2, 55, 67, 4, 3, 45, 6),
        ('quarterly', 'month', 3, 84, 98, 5, 3, 50, 4),
        ('semiannual', 'month', 6, 172, 193, 6, 3, 60, 2),
        ('annual', 'month', 12, 350, 380, 10, 2, 60, 1)
    ) as cadences (
        frequency, unit, period, gap_min, gap_max, tolerance, base_repeats, grace, per_year
    )
{%- endmacro %}


{% macro month_start(day) -%}
    date_trunc('month', {{ day }}::timestamp)::date
{%- endmacro %}


{% macro day_in_month(month, day_of_month) -%}
    {#- A day such as the 31st in the month that starts then: its last day where it is shorter. -#}
    ({{ month }} + least(
        {{ day_of_month }},
        extract(day from {{ month }} + interval '1 month' - interval '1 day')::integer
    ) - 1)
{%- endmacro %}


{% macro working_day(day, rule) -%}
    {#- The day itself, or the working day after or before it where it is a weekend. -#}
    ({{ day }} + case
        when {{ rule }} = 'next' and extract(isodow from {{ day }}) = 6 then 2
        when {{ rule }} = 'next' and extract(isodow from {{ day }}) = 7 then 1
        when {{ rule }} = 'previous' and extract(isodow from {{ day }}) = 6 then -1
        when {{ rule }} = 'previous' and extract(isodow from {{ day }}) = 7 then -2
        else 0
    end)
{%- endmacro %}


{% macro significant_digits(amount) -%}
    {#- How particular an amount is: 9.99 and 3490 have three digits, 50 and 1000.00 have one. It
        does not depend on what the currency's unit is worth. -#}
    length(trim('0' from translate(abs({{ amount }})::text, '.', '')))
{%- endmacro %}


{% macro is_about_cash(text) -%}
    {#- Whether a wording speaks of cash: drawn from a machine, or paid in over a counter. -#}
    {%- set words = [
        'cash(point|line)?', 'atm', 'notemachine', 'bargeld[a-z]*', 'geldautoma[a-z]+',
        'bankomat[a-z]*', 'bancomat', 'contant[a-z]*', 'kontant[a-z]*', 'efectivo', 'cajero',
        'contanti', 'prelievo', 'esp[eè]ces', 'retrait', 'dab', 'multibanco', 'levantamento',
        'numer[aá]rio', 'got[oó]wk[a-z]*', 'hotovost[a-z]*', 'k[eé]szp[eé]nz[a-z]*',
    ] -%}
    {{ text }} ~* '[[:<:]]({{ words | join("|") }})[[:>:]]'
{%- endmacro %}
