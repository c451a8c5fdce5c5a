"""Tag rules: trees of conditions, the SQL that they compile to, and one pass over transactions."""
