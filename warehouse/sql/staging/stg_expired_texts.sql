-- Posts whose text was kept as long as the policy allows, and is gone. Grain: one row per post.
create or replace view staging.stg_expired_texts as
select
    post_key,
    expired_at
from landed.expired_texts;
