-- Who liked, reposted or quoted what.
select
    post_key,
    kind,
    author_pseudonym,
    created_at
from landed.interactions;
