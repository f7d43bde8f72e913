-- Wordings that an edit replaced. Grain: one row per post and wording. No text, by design.
create or replace view staging.stg_superseded_versions as
select
    platform,
    post_key,
    version_key,
    observed_at,
    superseded_at
from landed.superseded_versions
where post_key not in (select hidden.post_key from staging.hidden_posts as hidden);
