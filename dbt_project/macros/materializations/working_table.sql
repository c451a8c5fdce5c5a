{% materialization working_table, adapter='postgres' %}
    {#- A table of what one run works on. From nothing it is made like any other, by as many
        processes as it is worth. A run that looks at a few accounts puts their rows into the table
        that is there: to make one anew costs more than those rows. -#}
    {%- if is_made_from_nothing(load_cached_relation(this)) -%}
        {{ return(analyzed(dbt.materialization_table_default())) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        truncate {{ this }};
        insert into {{ this }} (
            {{ sql }}
        );
        {{ analyze(this) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}


{% materialization incremental, adapter='postgres' %}
    {#- A table of all accounts, of which a run replaces those that it looked at: its pre-hook says
        which rows go. The columns are those of the table that is there, since another version of
        the project makes it from nothing. -#}
    {%- if is_made_from_nothing(load_cached_relation(this)) -%}
        {{ return(analyzed(dbt.materialization_incremental_default())) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        insert into {{ this }} (
            {{ get_select_subquery(sql) if config.get('contract').enforced else sql }}
        )
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}


{% macro is_made_from_nothing(existing) -%}
    {{ return(existing is none or not existing.is_table or should_full_refresh()) }}
{%- endmacro %}


{% macro analyzed(made) -%}
    {#- What was just made, with the statistics that the next model's plan depends on. -#}
    {%- call statement() -%}{{ analyze(this) }}{%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return(made) }}
{%- endmacro %}
