-- No pseudonym stands on both platforms: each has a key of its own (R9).
select author_pseudonym
from landed.post_versions
group by author_pseudonym
having count(distinct platform) > 1;
