{% macro ordinal(number) -%}
    {#- 1st, 2nd, 3rd, 4th, 11th. -#}
    {{ number }} || case
        when {{ number }} % 100 between 11 and 13 then 'th'
        when {{ number }} % 10 = 1 then 'st'
        when {{ number }} % 10 = 2 then 'nd'
        when {{ number }} % 10 = 3 then 'rd'
        else 'th'
    end
{%- endmacro %}


{% macro weekday_name(number) -%}
    {#- Of an ISO weekday; whatever language the server speaks. -#}
    (array['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[{{ number }}]
{%- endmacro %}


{% macro month_name(day) -%}
    (array[
        'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September',
        'October', 'November', 'December'
    ])[extract(month from {{ day }})::integer]
{%- endmacro %}


{% macro day_in_words(day) -%}
    {#- 28 March 2025. -#}
    extract(day from {{ day }})::integer || ' ' || {{ month_name(day) }}
    || ' ' || extract(year from {{ day }})::integer
{%- endmacro %}


{% macro money(amount, currency) -%}
    {#- Without its sign, which the sentence says: 1234.50 GBP. -#}
    to_char(abs({{ amount }}), 'FM999999999990.00') || ' ' || {{ currency }}
{%- endmacro %}


{% macro name_in_words(name) -%}
    {#- A normalised name with capitals: Lantern's Broadband. -#}
    regexp_replace(initcap({{ name }}), '''S\M', '''s', 'g')
{%- endmacro %}
