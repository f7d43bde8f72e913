-- No post is held that its author shows to signed-in readers alone (R21).
select post_key
from landed.post_versions
where not is_visible_logged_out;
