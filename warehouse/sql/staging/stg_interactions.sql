-- Who liked, reposted or quoted a post, but for accounts that closed and their posts.
create or replace view staging.stg_interactions as
select
    post_key,
    kind,
    author_pseudonym,
    created_at,
    first_seen_at
from landed.interactions
where
    post_key not in (select hidden.post_key from staging.hidden_posts as hidden)
    and (platform, author_pseudonym) not in (
        select (hidden.platform, hidden.author_pseudonym)
        from landed.hidden_authors as hidden
    );
