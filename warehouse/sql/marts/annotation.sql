-- What each coder said, all rounds. Grain: one row per annotation, its last revision,
-- code and codebook version: a coding that a later version carries counts under both.
-- The safety code is never here.
-- @annotation_id Label Studio's id
-- @unit_type post, thread, author_timeline or community
-- @unit_key the unit
-- @coder_key coder's pseudonym
-- @code_id code of the codebook
-- @value 0 absent, 1, 2; binary codes 0 or 1
-- @span_start first code point of the first evidence in the unit itself; all is in evidence_span
-- @span_end one past its last code point
-- @certainty 1 to 3
-- @codebook_version version of the codebook that the coding counts under
-- @round coding round
-- @created_at UTC, when the coding was first submitted
-- @coded_version the version of the codebook that the coder used
create or replace view annotation as
with spans as (
    select
        annotation_id,
        revised_at,
        unit_key,
        code_id,
        min_by(span_start, span_start) as span_start,
        min_by(span_end, span_start) as span_end
    from staging.stg_evidence_spans
    group by annotation_id, revised_at, unit_key, code_id
)

select
    codings.annotation_id,
    unit_type(codings.unit_kind) as unit_type,
    codings.unit_key,
    codings.coder as coder_key,
    codings.code_id,
    codings.value,
    spans.span_start + title_offset(posts.title) as span_start,
    spans.span_end + title_offset(posts.title) as span_end,
    codings.certainty,
    codings.codebook_version,
    codings.round,
    codings.coded_at as created_at,
    codings.coded_version
from intermediate.latest_codings as codings
left join staging.stg_posts as posts on codings.unit_key = posts.post_key
left join spans
    on
        codings.annotation_id = spans.annotation_id
        and codings.revised_at = spans.revised_at
        and codings.unit_key = spans.unit_key
        and codings.code_id = spans.code_id;
