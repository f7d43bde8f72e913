-- A post stands once: there is no index to see to it.
select
    post_key,
    count(*) as rows_count
from landed.post_versions
group by post_key
having count(*) > 1;
