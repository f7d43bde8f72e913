-- No text holds a DID, an at-uri, a platform id, a web address, an e-mail or a handle (R6).
with texts as (
    select
        post_key,
        concat_ws(' ', title, text, alt_text, quoted_text, flair, community_key) as wording
    from landed.post_versions
)

select post_key
from texts
where
    regexp_matches(wording, 'did:(plc|web):[a-z0-9]')
    or regexp_matches(wording, 'at://[a-z0-9]')
    or regexp_matches(wording, '(^|[^A-Za-z0-9_])t[1-6]_[a-z0-9]{5,}')
    or regexp_matches(wording, 'https?://[A-Za-z0-9]')
    or regexp_matches(wording, '[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+[.][A-Za-z]{2,}')
    or regexp_matches(wording, '(^|[^A-Za-z0-9_])@[A-Za-z0-9][A-Za-z0-9-]*[.][A-Za-z]{2,}');
