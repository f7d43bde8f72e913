-- Posts. Grain: one row per post, in its latest wording. Key: post_key.
-- A removed post has no row anywhere; an edit replaces the text.
-- @post_key keyed 64-bit stand-in for the platform's id; of ten million some two meet: 3 in 10^6
-- @platform reddit or bluesky
-- @source_route under which permission the row stands
-- @community_key platform/venue; bluesky/network where no feed showed the post
-- @author_key keyed 128-bit stand-in for the account, never equal across platforms
-- @thread_key post_key of the thread's root; null where the root was removed
-- @parent_key post_key of what it answers; null for a root or where that was removed
-- @is_root it opens a thread
-- @created_at UTC, as the author's client claims
-- @week Monday of the week of created_at, UTC
-- @text_masked title, text, words for pictures and link card, masked, a blank line between
-- @flair Reddit's link flair, masked
-- @lang detected language, ISO 639-1; null where the text is too short
-- @n_words words in title and text after masking
-- @n_hashtags hashtags
-- @reach_device_count wordings that ask to be carried further, from a fixed list
-- @edited the platform marks it as edited, or its wording was seen to change
-- @visible_logged_out its author lets signed-out readers see it
-- @indexed_at UTC, when the platform says it took the post in
-- @first_seen_at UTC, when Confide saw it first, in any wording
-- @is_created_at_plausible created_at lies after the platform began and not in the future
create or replace view post as
select
    posts.post_key,
    posts.platform,
    posts.route as source_route,
    posts.community_key,
    posts.author_pseudonym as author_key,
    posts.thread_key,
    posts.parent_key,
    posts.is_root,
    posts.created_at,
    cast(date_trunc('week', posts.created_at) as date) as week,
    posts.text_masked,
    posts.flair,
    posts.language as lang,
    posts.words_count as n_words,
    posts.hashtags_count as n_hashtags,
    reach_device_count(posts.text_masked) as reach_device_count,
    posts.is_edited or first_seen.edits_count > 0 as edited,
    posts.is_visible_logged_out as visible_logged_out,
    posts.indexed_at,
    first_seen.first_seen_at,
    posts.is_created_at_plausible
from staging.stg_posts as posts
inner join intermediate.first_seen as first_seen on posts.post_key = first_seen.post_key;
