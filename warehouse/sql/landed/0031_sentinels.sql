-- Whether a unit was handed out as a sentinel: one that goes to every coder, so that drift shows.
alter table landed.assignments add column is_sentinel boolean default false;
