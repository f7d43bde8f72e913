-- What is kept of an account goes with its last post, that it is hidden with its last like, too.
select author_pseudonym
from landed.hidden_authors
where (platform, author_pseudonym) not in (
    select (held.platform, held.author_pseudonym)
    from staging.held_accounts as held
)
union all
select author_pseudonym
from landed.author_wishes
where (platform, author_pseudonym) not in (
    select (posts.platform, posts.author_pseudonym)
    from landed.post_versions as posts
);
