-- Posts of accounts that closed, for as long as they are closed. Grain: one row per post.
create or replace view staging.hidden_posts as
select distinct
    posts.post_key,
    posts.platform,
    posts.author_pseudonym
from landed.post_versions as posts
inner join landed.hidden_authors as hidden
    on
        posts.platform = hidden.platform
        and posts.author_pseudonym = hidden.author_pseudonym;
