-- No column holds vectors: no embedding of anybody's text is kept (R22).
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where
    regexp_matches(data_type, '^(FLOAT|DOUBLE)\[')
    and table_schema in ('landed', 'staging', 'intermediate', 'main');
