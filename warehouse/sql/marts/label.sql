-- Settled values of the current round. Grain: unit_type, unit_key and code_id.
-- value is null while coders disagree without a majority and nobody has adjudicated.
-- @unit_type post, thread, author_timeline or community
-- @unit_key the unit
-- @code_id code of the codebook
-- @value 0 absent, 1, 2; null: not settled
-- @certainty the lowest among the coders whose value it is
-- @label_route single coder, majority of coders, or adjudicated; null: not settled
-- @codebook_version codebook in force
create or replace view label as
with codings as (
    select
        latest.*,
        latest.coder in (select adjudicators.coder from landed.adjudicators as adjudicators)
            as is_ruling
    from intermediate.latest_codings as latest
    inner join staging.stg_current_round as chosen_round
        on
            latest.wave = chosen_round.wave
            and latest.round = chosen_round.round
            and latest.codebook_version = chosen_round.codebook_version
),

ruled as (
    select
        unit_kind,
        unit_key,
        code_id,
        codebook_version,
        value,
        certainty,
        revised_at,
        annotation_id
    from codings
    where is_ruling
    union all
    select
        rulings.unit_kind,
        rulings.unit_key,
        rulings.code_id,
        rulings.codebook_version,
        rulings.value,
        3 as certainty,
        rulings.revised_at,
        rulings.annotation_id
    from intermediate.latest_rulings as rulings
    inner join staging.stg_current_round as chosen_round
        on
            rulings.wave = chosen_round.wave
            and rulings.round = chosen_round.round
            and rulings.codebook_version = chosen_round.codebook_version
),

rulings as (
    select
        unit_kind,
        unit_key,
        code_id,
        codebook_version,
        arg_max(value, (revised_at, annotation_id)) as value,
        arg_max(certainty, (revised_at, annotation_id)) as certainty
    from ruled
    group by unit_kind, unit_key, code_id, codebook_version
),

votes as (
    select
        unit_kind,
        unit_key,
        code_id,
        codebook_version,
        value,
        count(*) as votes_count,
        min(certainty) as certainty
    from codings
    where not is_ruling
    group by unit_kind, unit_key, code_id, codebook_version, value
),

tallies as (
    select
        unit_kind,
        unit_key,
        code_id,
        codebook_version,
        sum(votes_count) as coders_count,
        2 * max(votes_count) > sum(votes_count) as is_settled,
        arg_max(value, votes_count) as value,
        arg_max(certainty, votes_count) as certainty
    from votes
    group by unit_kind, unit_key, code_id, codebook_version
)

select
    unit_type(coalesce(tallies.unit_kind, rulings.unit_kind)) as unit_type,
    coalesce(tallies.unit_key, rulings.unit_key) as unit_key,
    coalesce(tallies.code_id, rulings.code_id) as code_id,
    coalesce(rulings.value, case when tallies.is_settled then tallies.value end) as value,
    coalesce(rulings.certainty, case when tallies.is_settled then tallies.certainty end)
        as certainty,
    case
        when rulings.value is not null then 'adjudicated'
        when tallies.coders_count = 1 then 'single'
        when tallies.is_settled then 'majority'
    end as label_route,
    coalesce(tallies.codebook_version, rulings.codebook_version) as codebook_version
from tallies
full outer join rulings
    on
        tallies.unit_kind = rulings.unit_kind
        and tallies.unit_key = rulings.unit_key
        and tallies.code_id = rulings.code_id
        and tallies.codebook_version = rulings.codebook_version;
