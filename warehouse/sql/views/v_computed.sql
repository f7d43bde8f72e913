-- The computed parts of the codes that people code only in part (hybrid), per unit and indicator
-- of the codebook. Null where too little is coded or observed. Key: unit_type, unit_key, code_id
-- and indicator.
-- @indicator the indicator's id in the codebook
-- @value what it comes to: a share or 0 and 1
create or replace view v_computed as
with harm as (
    select
        thread_key,
        weighted_mean(cast(reply_hostile_dismissive >= 1 as integer), w) as hostile_share,
        weighted_mean(cast(reply_privacy_intrusion >= 1 as integer), w) as intrusion_share
    from v_reply
    where not is_self_reply
    group by thread_key
),

threads as (
    select
        shares.thread_key as unit_key,
        shares.supportive_share,
        harm.hostile_share,
        harm.intrusion_share,
        cast(shares.relief as double) as relief_followup,
        (shares.supportive_share + 0.01) / (harm.hostile_share + 0.01) as reward_risk_ratio
    from v_thread as shares
    inner join harm on shares.thread_key = harm.thread_key
),

timelines as (
    select
        timeline_key(author_key) as unit_key,
        -- greatest() passes nulls over: the last disclosure must not count as followed at once
        regr_slope(ln(greatest(hours_to_next, 1)), fb_z) filter (where hours_to_next is not null)
            as loop_slope,
        avg(hours_to_next) as hours_to_next_disclosure,
        avg(next_intensity - struggleposting) as intensity_change
    from v_step
    group by author_key
),

communities as (
    select
        community_week_key(community_key, week) as unit_key,
        rate,
        support_rate
    from v_norm
),

parts as (
    select
        'thread' as unit_type,
        unit_key,
        'theme_emotional_catharsis' as code_id,
        unnest(['relief_followup', 'supportive_reply_share']) as indicator,
        unnest([relief_followup, supportive_share]) as value
    from threads
    union all
    select
        'thread' as unit_type,
        unit_key,
        'theme_risks_rewards' as code_id,
        unnest([
            'supportive_reply_share', 'hostile_reply_share', 'intrusion_share', 'reward_risk_ratio'
        ]) as indicator,
        unnest([supportive_share, hostile_share, intrusion_share, reward_risk_ratio]) as value
    from threads
    union all
    select
        'author_timeline' as unit_type,
        unit_key,
        'social_validation_loop' as code_id,
        unnest(['loop_slope', 'hours_to_next_disclosure', 'intensity_change']) as indicator,
        unnest([loop_slope, hours_to_next_disclosure, intensity_change]) as value
    from timelines
    union all
    select
        'community' as unit_type,
        unit_key,
        'theme_social_norms' as code_id,
        unnest(['community_disclosure_base_rate', 'norm_support_rate']) as indicator,
        unnest([rate, support_rate]) as value
    from communities
    union all
    select
        'post' as unit_type,
        post_key as unit_key,
        'theme_digital_footprint' as code_id,
        'logged_out_visible_share' as indicator,
        cast(visible_logged_out as integer) as value
    from v_post
)

select
    unit_type,
    unit_key,
    code_id,
    indicator,
    value
from parts;
