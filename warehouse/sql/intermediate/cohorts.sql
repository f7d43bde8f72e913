-- Posts seen within a day of their creation, and for how many days they were seen to be up.
-- Whoever was seen later was up by then: counting them would make posts last too long.
-- Grain: one row per post. code_cell: struggle where a coder of the current round saw one.
create or replace view intermediate.cohorts as
with looks as (
    select
        post_key,
        max(observed_at) as last_seen_at
    from landed.engagement_snapshots
    group by post_key
),

wordings as (
    select
        post_key,
        min(observed_at) as first_seen_at
    from landed.superseded_versions
    group by post_key
),

struggles as (
    select distinct codings.unit_key as post_key
    from intermediate.latest_codings as codings
    inner join staging.stg_current_round as chosen_round
        on
            codings.wave = chosen_round.wave
            and codings.round = chosen_round.round
            and codings.codebook_version = chosen_round.codebook_version
    where
        codings.code_id = 'struggleposting'
        and codings.value >= 1
        and codings.unit_kind in ('root', 'reply')
)

select
    posts.platform,
    posts.post_key,
    posts.created_at,
    cast(date_trunc('week', posts.created_at) as date) as cohort_week,
    case
        when posts.platform = 'reddit' then 'subreddit'
        when posts.community_key = 'bluesky/network' then 'network'
        else 'feed'
    end as community_kind,
    case when struggles.post_key is null then 'other' else 'struggle' end as code_cell,
    days_up(posts.created_at, greatest(posts.observed_at, looks.last_seen_at)) as followed_days
from landed.post_versions as posts
left join looks on posts.post_key = looks.post_key
left join wordings on posts.post_key = wordings.post_key
left join struggles on posts.post_key = struggles.post_key
where
    posts.is_created_at_plausible
    and least(posts.observed_at, wordings.first_seen_at) <= posts.created_at + interval 1 day;
