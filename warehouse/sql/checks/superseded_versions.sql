-- A wording that was replaced is not the one that stands.
select superseded.post_key
from landed.superseded_versions as superseded
inner join landed.post_versions as posts
    on superseded.post_key = posts.post_key and superseded.version_key = posts.version_key;
