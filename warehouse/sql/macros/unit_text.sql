-- What a coder reads below the title: text, words for pictures, link card, a blank line between.
create or replace macro unit_text(body, alt_text, quoted_text) as
concat_ws(
    chr(10) || chr(10),
    nullif(body, ''),
    'Picture: ' || nullif(alt_text, ''),
    'Link card: ' || nullif(quoted_text, '')
);
