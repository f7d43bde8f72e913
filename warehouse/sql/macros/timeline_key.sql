-- The unit key of an author's timeline: the first 64 bits of the pseudonym.
create or replace macro timeline_key(author_pseudonym) as
cast('0x' || left(author_pseudonym, 16) as ubigint);
