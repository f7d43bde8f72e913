-- Posts as they stand, without when and by whom they were seen.
select
    posts.platform,
    posts.post_key,
    posts.version_key,
    case when roots.post_key is not null then posts.thread_key end as thread_key,
    case when parents.post_key is not null then posts.parent_key end as parent_key,
    posts.kind,
    posts.is_root,
    posts.author_pseudonym,
    posts.community_key,
    posts.title,
    posts.text,
    posts.alt_text,
    posts.quoted_text,
    posts.flair,
    posts.declared_languages,
    posts.language,
    posts.words_count,
    posts.hashtags_count,
    posts.masks,
    posts.scrubber_version,
    posts.created_at,
    posts.is_created_at_plausible,
    posts.is_edited,
    posts.is_nsfw,
    posts.is_visible_logged_out
from landed.post_versions as posts
left join landed.post_versions as roots on posts.thread_key = roots.post_key
left join landed.post_versions as parents on posts.parent_key = parents.post_key;
