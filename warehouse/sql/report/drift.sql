-- How often a coder's value is the settled one, by coder and tenth of the coding's time.
-- Coders are numbered, not named.
with given as (
    select
        dense_rank() over (order by annotation.coder_key) as coder,
        annotation.created_at,
        cast(annotation.value = label.value as integer) as is_settled_value
    from annotation
    inner join current_round
        on
            annotation.round = current_round.round
            and annotation.codebook_version = current_round.codebook_version
    inner join label
        on
            annotation.unit_type = label.unit_type
            and annotation.unit_key = label.unit_key
            and annotation.code_id = label.code_id
    where label.value is not null and label.label_route <> 'single'
),

cut as (
    select
        *,
        ntile(10) over (partition by coder order by created_at) as part
    from given
)

select
    'Coder ' || coder as coder,
    part,
    cast(min(created_at) as date) as from_on,
    cast(max(created_at) as date) as to_on,
    count(*) as n_values,
    avg(is_settled_value) as agrees_share
from cut
group by coder, part
order by coder, part;
