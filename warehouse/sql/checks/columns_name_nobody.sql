-- No table has a column for what names a person (R6).
select
    table_schema,
    table_name,
    column_name
from information_schema.columns
where
    regexp_matches(
        column_name,
        '^(native_id|handle|did|username|user_name|account|account_name|display_name|author'
        || '|author_name|email|e_mail|phone|ip|ip_address|url|uri|permalink|avatar|bio)$'
    )
    and table_schema in ('landed', 'staging', 'intermediate', 'main');
