-- Labels of the corpus's posts, in counts. Grain: label and is_self.
-- @label its value, as author or moderators put it on
-- @is_self the post's own author put it on
-- @n_posts posts that carry it
create or replace view post_labels as
select
    label,
    is_self,
    count(*) as n_posts
from staging.stg_post_labels
group by label, is_self;
