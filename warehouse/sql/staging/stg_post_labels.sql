-- Labels of posts as last seen. Grain: post_key, label and is_self.
create or replace view staging.stg_post_labels as
select
    post_key,
    label,
    is_self
from landed.post_labels
where post_key not in (select hidden.post_key from staging.hidden_posts as hidden);
