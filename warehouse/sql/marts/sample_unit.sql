-- Units drawn in the current wave and round. Grain: unit_type and unit_key.
-- A unit that was withheld is absent, and its stratum's weights carry it.
-- @unit_type post, thread, author_timeline or community
-- @unit_key post_key; of a timeline, the first 64 bits of author_key
-- @wave wave of the study
-- @stratum_id platform|week
-- @incl_prob chance of being drawn, fixed before drawing
-- @weight 1 / incl_prob, raised where units of its stratum were withheld
create or replace view sample_unit as
with chosen as (
    select
        units.*,
        exists(
            select 1 from staging.stg_withheld_units as withheld
            where withheld.unit_key = units.unit_key
        ) as is_withheld
    from staging.stg_units as units
    inner join staging.stg_current_round as chosen_round
        on units.wave = chosen_round.wave and units.round = chosen_round.round
),

rebased as (
    select
        *,
        sum(weight) over (partition by unit_kind, stratum)
        / sum(case when not is_withheld then weight end) over (partition by unit_kind, stratum)
            as factor
    from chosen
)

select
    unit_type(unit_kind) as unit_type,
    unit_key,
    wave,
    stratum as stratum_id,
    inclusion_probability as incl_prob,
    weight * factor as weight
from rebased
where not is_withheld;
