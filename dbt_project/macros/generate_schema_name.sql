{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- The layer is the schema, exactly, so that an asset key and a table read the same. -#}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
