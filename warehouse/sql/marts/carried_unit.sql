-- Units of the current round that were not coded again under the codebook in force, and why: what
-- was coded under an earlier version counts. Grain: unit_type, unit_key and coded_version.
-- @unit_type post, thread, author_timeline or community
-- @unit_key the unit
-- @coded_version version of the codebook that the coders used
-- @codebook_version version that their codings count under as well
-- @codes the codes whose values count: asked of such a unit under both versions
-- @reason why nothing was coded again
-- @carried_at UTC
create or replace view carried_unit as
select
    unit_type(carried.unit_kind) as unit_type,
    carried.unit_key,
    carried.coded_version,
    carried.codebook_version,
    carried.codes,
    carried.reason,
    carried.carried_at
from staging.stg_carried_units as carried
inner join staging.stg_current_round as chosen_round
    on
        carried.wave = chosen_round.wave
        and carried.round = chosen_round.round
        and carried.codebook_version = chosen_round.codebook_version;
