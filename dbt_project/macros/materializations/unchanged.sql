{% materialization view, adapter='postgres' %}
    {#- A view that says what it said stays: to replace it drops what rests on it. -#}
    {%- set digest = local_md5([sql, model.description, model.columns] | string) -%}
    {%- if was_made_from(digest) -%}
        {{ return(left_as_it_is()) }}
    {%- endif -%}
    {%- set made = dbt.materialization_view_default() -%}
    {{ return(noted(made, digest)) }}
{% endmaterialization %}


{% materialization seed, adapter='postgres' %}
    {#- A seed is loaded when its file or its columns changed. -#}
    {%- set sources = [model.checksum.checksum, config.get('column_types')] -%}
    {%- set digest = local_md5((sources + [model.description, model.columns]) | string) -%}
    {%- if was_made_from(digest) -%}
        {%- do store_result('agate_table', response='UNCHANGED') -%}
        {{ return(left_as_it_is()) }}
    {%- endif -%}
    {%- set made = dbt.materialization_seed_default() -%}
    {{ return(noted(made, digest)) }}
{% endmaterialization %}


{% macro was_made_from(digest) -%}
    {#- Whether the relation is there, as this version of the project makes it today. -#}
    {%- if load_cached_relation(this) is none or flags.FULL_REFRESH -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set noted = run_query(
        "select obj_description('" ~ this ~ "'::regclass, 'pg_class') like '%[" ~ digest ~ "]'"
    ) -%}
    {{ return(noted.rows[0][0]) }}
{%- endmacro %}


{% macro noted(made, digest) -%}
    {#- What was just made, with what it was made from in its comment, which goes when it goes. -#}
    {%- set comment = model.description ~ ' [' ~ digest ~ ']' -%}
    {%- call statement() -%}{{ alter_relation_comment(made.relations[0], comment) }}{%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return(made) }}
{%- endmacro %}


{% macro left_as_it_is() -%}
    {%- call noop_statement('main', 'UNCHANGED') -%}{%- endcall -%}
    {{ return({'relations': [load_cached_relation(this)]}) }}
{%- endmacro %}
