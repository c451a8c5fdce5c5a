{% test same_owner(model, column_name, to, field) %}
    {#- A row of one user never refers to a row of another. -#}
    select child.{{ column_name }}
    from {{ model }} as child
    inner join {{ to }} as parent on child.{{ column_name }} = parent.{{ field }}
    where child.user_id <> parent.user_id
{% endtest %}
