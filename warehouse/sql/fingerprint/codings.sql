-- What each coder said last, without Label Studio's ids and clock.
select
    wave,
    round,
    unit_kind,
    unit_key,
    coder,
    code_id,
    value,
    certainty,
    codebook_version
from intermediate.latest_codings;
