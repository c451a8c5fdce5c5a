{% macro scheduled_day(month, nominal_day, nominal_weekday) -%}
    {#- The day of a schedule in the month that starts then. Without a weekday it is a day of the
        month, its last where it is shorter; with one it is the first to fourth such weekday of the
        month, or as the fifth the last one. -#}
    case
        when {{ nominal_weekday }} is null then {{ day_in_month(month, nominal_day) }}
        when {{ nominal_day }} = 5
            then ({{ month }} + interval '1 month' - interval '1 day')::date - (
                extract(isodow from {{ month }} + interval '1 month' - interval '1 day')::integer
                - {{ nominal_weekday }} + 7
            ) % 7
        else {{ month }} + (
            {{ nominal_weekday }} - extract(isodow from {{ month }})::integer + 7
        ) % 7 + 7 * ({{ nominal_day }} - 1)
    end
{%- endmacro %}


{% macro scheduled_month_of(day, nominal_day, nominal_weekday) -%}
    {#- A day in the month whose scheduled day lies nearest. -#}
    case
        when {{ nominal_weekday }} is null then ({{ day }} + 15 - {{ nominal_day }})
        else {{ day }}
    end
{%- endmacro %}


{% macro nearest_of_period(day, nominal_day, period) -%}
    {#- The day nearest to one that is so many days into a period. Periods are counted from Monday,
        1 January 1900. -#}
    {{ day }} - (
        ({{ day }} - date '1900-01-01' - {{ nominal_day }} + {{ period }} / 2) % {{ period }}
        - {{ period }} / 2
    )
{%- endmacro %}


{% macro shifted(day, shift, calendar='working_days') -%}
    {#- Where a schedule moves a day to; calendar is the row of int_working_days for that day. -#}
    coalesce(
        case {{ shift }}
            when 'next' then {{ calendar }}.next_working_day
            when 'previous' then {{ calendar }}.previous_working_day
        end,
        {{ day }}
    )
{%- endmacro %}


{% macro months_between(first, last) -%}
    {#- How many months the month of the last day is after that of the first. -#}
    (
        (extract(year from {{ last }}) - extract(year from {{ first }})) * 12
        + extract(month from {{ last }}) - extract(month from {{ first }})
    )::integer
{%- endmacro %}
