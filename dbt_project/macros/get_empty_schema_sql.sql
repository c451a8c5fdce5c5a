{% macro postgres__get_empty_schema_sql(columns) -%}
    {#- As dbt's own, without its warning about NUMERIC that has no scale: PostgreSQL rounds none,
        and a fixed scale would. -#}
    select
        {% for column in columns.values() -%}
            cast(null as {{ column['data_type'] }}) as {{ adapter.quote(column['name']) }}
            {{- "," if not loop.last }}
        {% endfor %}
{%- endmacro %}
