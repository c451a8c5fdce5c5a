{% macro grant_to_analysts(relation) -%}
    {#- A server whose owner has not made the role is no reason to fail. -#}
    do $$
    begin
        if exists (select from pg_catalog.pg_roles where rolname = 'farthing_analyst') then
            grant select on {{ relation }} to farthing_analyst;
        end if;
    end
    $$
{%- endmacro %}


{% macro let_analysts_in() -%}
    {#- Once a run and only if needed: two models that grant on one schema at once would clash. -#}
    do $$
    begin
        if
            exists (select from pg_catalog.pg_roles where rolname = 'farthing_analyst')
            and exists (select from pg_catalog.pg_namespace where nspname = 'marts')
            and not pg_catalog.has_schema_privilege('farthing_analyst', 'marts', 'usage')
        then
            grant usage on schema marts to farthing_analyst;
        end if;
    end
    $$
{%- endmacro %}
