-- Coded root posts of drawn timelines, with the timeline's weight w. Key: post_key.
-- @w design weight of the author's timeline
create or replace view v_apost as
select
    roots.*,  -- noqa: AM04
    units.weight as w
from v_root as roots
inner join sample_unit as units on timeline_key(roots.author_key) = units.unit_key
inner join current_round as chosen on units.wave = chosen.wave
where units.unit_type = 'author_timeline';
