-- Root posts of the timelines that were drawn, in order, with relative times only.
-- Grain: one row per post. Key: post_key. Pseudonymous, and within one wave.
-- @wave wave of the study
-- @author_key whose timeline it is
-- @weight design weight of the timeline
-- @post_key the post
-- @position 1 is the author's first root post that is held
-- @hours_since_first since that post
-- @hours_since_previous since the post before; null for the first
-- @is_disclosure struggleposting was coded 1 or 2; null where it is not settled
-- @intensity that value
-- @reactions_24h likes, reposts and quotes near 24 hours; null where never observed
-- @above_usual_24h log reactions less the mean of the author's other posts
create or replace view author_timelines as
select
    chosen.wave,
    posts.author_key,
    units.weight,
    posts.post_key,
    row_number() over own as position,
    date_diff('second', first_value(posts.created_at) over own, posts.created_at) / 3600.0
        as hours_since_first,
    date_diff('second', lag(posts.created_at) over own, posts.created_at) / 3600.0
        as hours_since_previous,
    roots.struggleposting >= 1 as is_disclosure,
    roots.struggleposting as intensity,
    engagement.r24h as reactions_24h,
    engagement.r24h_own as above_usual_24h
from post as posts
inner join sample_unit as units on timeline_key(posts.author_key) = units.unit_key
inner join current_round as chosen on units.wave = chosen.wave
left join v_root as roots on posts.post_key = roots.post_key
left join v_engage as engagement on posts.post_key = engagement.post_key
where posts.is_root and posts.is_created_at_plausible and units.unit_type = 'author_timeline'
window own as (partition by posts.author_key order by posts.created_at, posts.post_key);
