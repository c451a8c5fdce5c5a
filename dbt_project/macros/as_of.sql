{% macro as_of() -%}
    {#- The one clock: FARTHING_NOW, else the database's. No model reads the time otherwise. It is
        read when models are made and not when they are parsed: dbt would parse them anew each time
        that the clock moved. -#}
    {%- set text = env_var('FARTHING_NOW', '') | trim if execute else '' -%}
    {%- if text -%}
        {%- set instant = modules.datetime.datetime.fromisoformat(text) -%}
        {%- if instant.utcoffset() is none -%}
            {%- set instant = instant.replace(tzinfo=modules.pytz.utc) -%}
        {%- endif -%}
        timestamptz '{{ instant.isoformat(sep=" ") }}'
    {%- else -%}
        current_timestamp
    {%- endif -%}
{%- endmacro %}


{% macro as_of_date(time_zone) -%}
    {#- The day it is where the user lives; time_zone is a column or a quoted IANA name. -#}
    common.local_day({{ as_of() }}, {{ time_zone }})
{%- endmacro %}


{% macro postgres__current_timestamp() -%}
    {#- What dbt measures source freshness against. -#}
    {{ as_of() }}
{%- endmacro %}
