-- How far x lies above the mean of its author's other values; null where there is no other.
create or replace macro above_usual(x, own_sum, own_count) as
case when own_count > 1 then x - (own_sum - x) / (own_count - 1) end;
