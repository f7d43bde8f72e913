-- Coded root posts that were drawn as posts, with their weight w. Key: post_key.
-- @w design weight of the unit, 1 / chance of being drawn
create or replace view v_post as
select
    roots.*,  -- noqa: AM04
    units.weight as w
from v_root as roots
inner join sample_unit as units on roots.post_key = units.unit_key
inner join current_round as chosen on units.wave = chosen.wave
where units.unit_type = 'post';
