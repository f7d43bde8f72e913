-- Posts in their latest wording, but for those of accounts that closed.
-- text_masked: title, text, pictures' and link card's words.
-- known_at: when the post was surely there, the claim of its author where that can be true.
create or replace view staging.stg_posts as
select
    platform,
    post_key,
    version_key,
    thread_key,
    parent_key,
    kind,
    is_root,
    author_pseudonym,
    community_key,
    title,
    unit_text(text, alt_text, quoted_text) as unit_text,
    masked_text(title, text, alt_text, quoted_text) as text_masked,
    flair,
    link_categories,
    declared_languages,
    language,
    language_confidence,
    words_count,
    hashtags_count,
    scrubber_version,
    created_at,
    is_created_at_plausible,
    indexed_at,
    observed_at,
    edited_at,
    is_edited,
    is_nsfw,
    is_visible_logged_out,
    run_id,
    source,
    route,
    case when is_created_at_plausible then created_at else coalesce(indexed_at, observed_at) end
        as known_at
from landed.post_versions
where post_key not in (select hidden.post_key from staging.hidden_posts as hidden);
