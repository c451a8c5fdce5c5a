{% macro analyze(relation) -%}
    {#- A table that was just made has no statistics, and the next model's plan depends on them. -#}
    analyze {{ relation }}
{%- endmacro %}


{% macro share_the_work() -%}
    {#- For a model that does much with each row: the planner counts rows and not what a regular
        expression costs, and would leave it to one process. -#}
    set local parallel_tuple_cost = 0.001
{%- endmacro %}
