-- The quiz that coders sit. Grain: codebook_version and coder.
create or replace view staging.stg_qualifications as
select
    codebook_version,
    coder,
    asked_count,
    answered_count,
    right_count,
    crisis_missed_count,
    is_passed,
    scored_at
from landed.qualifications;
