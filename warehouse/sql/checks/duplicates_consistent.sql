-- A cluster has one earliest post, which carries no mark of its own.
select marks.post_key
from landed.duplicate_marks as marks
inner join landed.duplicate_marks as canonicals on marks.canonical_key = canonicals.post_key
union all
select any_value(clusters.post_key) as post_key
from landed.duplicate_marks as clusters
group by clusters.cluster_key
having count(distinct clusters.canonical_key) > 1;
