-- An author's disclosures in order: feedback on each, and what the next one was. Key: post_key.
-- @fb_z feedback in the author's own standard deviations, 0 is their mean
-- @next_at UTC, when their next disclosure came
-- @hours_to_next whole hours to it
-- @next_intensity struggleposting of the next
-- @next_connection theme_connection_validation of the next
-- @next_bidding algorithmic_empathy_bidding of the next
-- @followed_14d the corpus reaches 14 days past this post
create or replace view v_step as
with disclosures as (
    select
        posts.*,
        engagement.fb,
        engagement.r24h_own,
        (engagement.fb - avg(engagement.fb) over (partition by posts.author_key))
        / nullif(stddev_samp(engagement.fb) over (partition by posts.author_key), 0) as fb_z
    from v_apost as posts
    left join v_engage as engagement on posts.post_key = engagement.post_key
    where posts.struggleposting >= 1
)

select
    disclosures.*,  -- noqa: AM04
    lead(disclosures.created_at) over own as next_at,
    date_diff('hour', disclosures.created_at, lead(disclosures.created_at) over own)
        as hours_to_next,
    lead(disclosures.struggleposting) over own as next_intensity,
    lead(disclosures.theme_connection_validation) over own as next_connection,
    lead(disclosures.algorithmic_empathy_bidding) over own as next_bidding,
    date_diff(
        'day',
        disclosures.created_at,
        (
            select max(posts.created_at) from post as posts
            where posts.is_created_at_plausible
        )
    ) >= 14 as followed_14d
from disclosures
window own as (partition by author_key order by created_at);
