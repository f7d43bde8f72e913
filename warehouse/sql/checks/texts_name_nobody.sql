-- No text holds a DID, an at-uri, a platform id, a web address, an e-mail or a handle (R6).
select post_key
from landed.post_versions
where
    names_somebody(text)
    or names_somebody(title)
    or names_somebody(alt_text)
    or names_somebody(quoted_text)
    or names_somebody(flair)
    or names_somebody(community_key);
