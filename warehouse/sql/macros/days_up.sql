-- Whole days between two instants, 0 where the second comes first.
create or replace macro days_up(created_at, seen_at) as
cast(greatest(0, floor(epoch(seen_at - created_at) / 86400)) as integer);
