-- Which of the canonical wording's words a near copy keeps, as a hash: copies of three authors
-- or more that keep the same ones, and differ, are a template. Null where exact, or where the
-- cluster has fewer authors. The rules' version changes with it: the next pass marks all anew.
alter table landed.duplicate_marks add column skeleton_key ubigint;

-- The last place in the file up to which every post was compared; null where that is not known.
alter table landed.store add column duplicates_until bigint;
