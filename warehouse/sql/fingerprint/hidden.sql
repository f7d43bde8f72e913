-- Whose posts are hidden, and why.
select
    platform,
    author_pseudonym,
    status,
    told_by,
    labeler
from landed.hidden_authors;
