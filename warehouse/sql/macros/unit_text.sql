-- What a coder reads below the title: text, words for pictures, link card, a blank line between.
-- Most posts are text alone, which needs no putting together.
create or replace macro unit_text(body, alt_text, quoted_text) as
case
    when alt_text is null and quoted_text is null then coalesce(body, '')
    else
        concat_ws(
            chr(10) || chr(10),
            nullif(body, ''),
            'Picture: ' || nullif(alt_text, ''),
            'Link card: ' || nullif(quoted_text, '')
        )
end;
