-- What made the file, and when it was published.
select
    part,
    version
from versions
union all
select
    'published' as part,
    regexp_extract(text, 'Published (.*) UTC', 1) as version
from readme
where starts_with(text, 'Published ');
