-- Everything a post says: its title, then what a coder reads below it.
create or replace macro masked_text(title, body, alt_text, quoted_text) as
case
    when title is null then unit_text(body, alt_text, quoted_text)
    else
        concat_ws(
            chr(10) || chr(10),
            nullif(title, ''),
            nullif(unit_text(body, alt_text, quoted_text), '')
        )
end;
