-- Units that left the sample, for good or while their author's account is closed.
-- Grain: one row per unit_key.
create or replace view staging.stg_withheld_units as
select
    unit_key,
    withheld_at
from landed.withheld_units
union
select
    post_key as unit_key,
    cast(null as timestamp) as withheld_at
from staging.hidden_posts
union
select
    timeline_key(author_pseudonym) as unit_key,
    cast(null as timestamp) as withheld_at
from landed.hidden_authors;
