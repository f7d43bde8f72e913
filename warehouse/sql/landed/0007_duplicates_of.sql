-- Of which posts, under which rules, the duplicate marks are; null before the first pass.
alter table landed.store add column duplicates_of varchar;
