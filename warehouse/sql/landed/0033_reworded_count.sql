-- reworded_count: the last of these times at which posts were hidden or reworded, and not removed.
-- Until the published file follows that, leaving out its rows of posts that are gone is not enough.
alter table landed.taken_back add column reworded_count bigint default 0;
update landed.taken_back set reworded_count = taken_count;
