-- Settled values that more than one coder stands behind. Grain: unit_type, unit_key and code_id.
-- What one coder alone has said is in label, not here.
-- @unit_type post, thread, author_timeline or community
-- @unit_key the unit
-- @code_id code of the codebook
-- @value 0 absent, 1, 2
-- @label_route majority of coders, or adjudicated
-- @n_coders who coded it in this round, an adjudicator too
-- @n_agreeing of these, with this value
-- @codebook_version codebook in force
create or replace view gold as
with voices as (
    select
        said.unit_type,
        said.unit_key,
        said.code_id,
        said.coder_key,
        max_by(said.value, (said.created_at, said.annotation_id)) as value
    from annotation as said
    inner join current_round as chosen
        on said.round = chosen.round and said.codebook_version = chosen.codebook_version
    group by said.unit_type, said.unit_key, said.code_id, said.coder_key
)

select
    settled.unit_type,
    settled.unit_key,
    settled.code_id,
    any_value(settled.value) as value,
    any_value(settled.label_route) as label_route,
    count(*) as n_coders,
    count(*) filter (where voices.value = settled.value) as n_agreeing,
    any_value(settled.codebook_version) as codebook_version
from label as settled
inner join voices
    on
        settled.unit_type = voices.unit_type
        and settled.unit_key = voices.unit_key
        and settled.code_id = voices.code_id
where settled.label_route in ('majority', 'adjudicated')
group by settled.unit_type, settled.unit_key, settled.code_id;
