-- Fewest posts that a cell shows. A publication sets it, where the study's policy is stricter.
create or replace macro smallest_cell() as 11;
