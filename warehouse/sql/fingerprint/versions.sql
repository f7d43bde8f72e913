-- Every wording a post has had.
select
    post_key,
    version_key
from landed.post_versions
union
select
    post_key,
    version_key
from landed.superseded_versions;
