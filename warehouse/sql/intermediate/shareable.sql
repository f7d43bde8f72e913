-- Posts that may stand in a shared set: their author allows bulk data sets, in so many words,
-- and lets signed-out readers see them. Reddit's never may. Grain: one row per post.
create or replace view intermediate.shareable as
select posts.post_key
from staging.stg_posts as posts
inner join staging.stg_author_wishes as wishes
    on
        posts.platform = wishes.platform
        and posts.author_pseudonym = wishes.author_pseudonym
where
    wishes.wish = 'bulkDataset'
    and wishes.value = 'allow'
    and posts.platform = 'bluesky'
    and posts.is_visible_logged_out;
