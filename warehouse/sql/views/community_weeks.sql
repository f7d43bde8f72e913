-- Communities by week: what was collected, and what its coded posts say. Grain and key:
-- community_key and week. Rates are weighted; null where nothing was coded.
-- @community_key platform/venue
-- @week Monday of the week, UTC
-- @n_posts posts held
-- @n_roots of these, root posts
-- @n_authors distinct authors
-- @n_coded coded root posts of the sample
-- @disclosure_rate share of root posts with struggleposting
-- @openness_rate share of root posts with theme_stigma_openness
-- @reception_rate mean supportive share of replies under disclosures
-- @disclosure_before the rate of the four weeks before, drawn towards the community's average
-- @openness_before likewise
-- @reception_before likewise
create or replace view community_weeks as
with held as (
    select
        community_key,
        week,
        count(*) as n_posts,
        count(*) filter (where is_root) as n_roots,
        count(distinct author_key) as n_authors
    from post
    where is_created_at_plausible
    group by community_key, week
)

select
    held.community_key,
    held.week,
    held.n_posts,
    held.n_roots,
    held.n_authors,
    coalesce(norms.n, 0) as n_coded,
    norms.rate as disclosure_rate,
    norms.stigma_rate as openness_rate,
    norms.support_rate as reception_rate,
    norms.rate_prev4 as disclosure_before,
    norms.stigma_prev4 as openness_before,
    norms.support_prev4 as reception_before
from held
left join v_norm as norms on held.community_key = norms.community_key and held.week = norms.week;
