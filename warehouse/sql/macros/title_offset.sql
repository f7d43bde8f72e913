-- Code points that a title takes up in text_masked before the text a coder highlights in.
create or replace macro title_offset(title) as
case when title is null or title = '' then 0 else length(title) + 2 end;
