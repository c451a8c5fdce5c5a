{% macro analyze(relation) -%}
    {#- A table that was just made has no statistics, and the next model's plan depends on them. -#}
    analyze {{ relation }}
{%- endmacro %}
