-- What accounts say of the reuse of their posts.
select
    platform,
    author_pseudonym,
    wish,
    value
from landed.author_wishes;
