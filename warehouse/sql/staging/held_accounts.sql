-- Accounts of which anything is held: a post, or a like, repost or quote. An account may repeat.
create or replace view staging.held_accounts as
select
    platform,
    author_pseudonym
from landed.post_versions
union all
select
    platform,
    author_pseudonym
from landed.interactions;
