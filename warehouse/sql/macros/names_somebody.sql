-- Does a text hold a DID, an at-uri, a platform's id, a web address, an e-mail or a handle?
-- A text without any of the signs that each of these has is passed over quickly.
create or replace macro names_somebody(wording) as
case
    when
        contains(wording, '@')
        or contains(wording, '://')
        or contains(wording, 'did:')
        or contains(wording, '_')
        then regexp_matches(
            wording,
            'did:(plc|web):[a-z0-9]'
            || '|at://[a-z0-9]'
            || '|(^|[^A-Za-z0-9_])t[1-6]_[a-z0-9]{5,}'
            || '|https?://[A-Za-z0-9]'
            || '|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+[.][A-Za-z]{2,}'
            || '|(^|[^A-Za-z0-9_])@[A-Za-z0-9][A-Za-z0-9-]*[.][A-Za-z]{2,}'
        )
    else false
end;
