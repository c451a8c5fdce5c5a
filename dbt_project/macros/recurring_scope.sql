{% macro project_digest() -%}
    {#- What tells this version of the models, the seeds and the macros from others. -#}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for name in graph.nodes | sort -%}
            {%- set node = graph.nodes[name] -%}
            {%- if node.resource_type in ('model', 'seed') -%}
                {%- do found.append(node.checksum.checksum) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for name in context[project_name] | sort -%}
            {%- do found.append(context[project_name][name].macro.macro_sql) -%}
        {%- endfor -%}
        {{ local_md5(found | string) }}
    {%- endif -%}
{%- endmacro %}


{% macro forget_other_versions() -%}
    {#- At the start of a run: what another version of the project analysed is analysed anew, into
        tables made from nothing. Before a version was noted there was no column for it. -#}
    {%- set noted = adapter.get_relation(
        target.database, 'intermediate', 'int_recurring_analysed'
    ) -%}
    {%- if execute and noted -%}
        {%- set columns = adapter.get_columns_in_relation(noted) | map(attribute='name') | list -%}
        {%- set others -%}
            select 1 from {{ noted }} where project_digest <> '{{ project_digest() }}' limit 1
        {%- endset -%}
        {%- if 'project_digest' not in columns or run_query(others).rows -%}
            {%- do adapter.drop_relation(noted) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{% macro recurring_analysed() -%}
    {#- Where it is noted what was analysed, if all that rests on it is there; else nothing, and
        every account is looked at. It is no ref: what a run notes last the next one reads first. -#}
    {%- set kept = [
        ('intermediate', 'int_recurring_analysed'),
        ('intermediate', 'int_recurring_found'),
        ('marts', 'fct_recurring_patterns'),
        ('marts', 'fct_recurring_occurrences'),
    ] -%}
    {%- set found = [] -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- for schema, name in kept -%}
            {%- set relation = adapter.get_relation(target.database, schema, name) -%}
            {%- if relation -%}{%- do found.append(relation) -%}{%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ found[0] if found | length == kept | length }}
{%- endmacro %}


{% macro forget_accounts_in_scope(condition='true') -%}
    {#- Before the rows of the accounts in scope are written anew: those that were there go, and so
        do those of accounts that are gone. -#}
    {%- set scope = ref('int_recurring_scope') -%}
    {%- set accounts = ref('stg_common__accounts') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as kept
        where
            exists (
                select 1
                from {{ scope }} as scope
                where scope.account_id = kept.account_id and {{ condition }}
            )
            or not exists (
                select 1
                from {{ accounts }} as accounts
                where accounts.account_id = kept.account_id
            )
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{% macro should_full_refresh() -%}
    {#- The question of dbt itself whether an incremental model is made from nothing. What rests on
        what was analysed is, until that is noted: a table of an older version has other columns. -#}
    {%- set asked = config.get('full_refresh') -%}
    {%- if asked is none -%}
        {%- set asked = flags.FULL_REFRESH -%}
    {%- endif -%}
    {{ return(asked or (recurring_analysed() | trim == '')) }}
{%- endmacro %}
