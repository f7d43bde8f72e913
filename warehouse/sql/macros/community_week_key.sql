-- The unit key of a community's week: the first 64 bits of a hash of both.
create or replace macro community_week_key(community_key, week) as
cast('0x' || left(sha256(community_key || '|' || cast(week as varchar)), 16) as ubigint);
