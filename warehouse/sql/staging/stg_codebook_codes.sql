-- Codes of every codebook version in use, but for the safety code, which is no variable.
create or replace view staging.stg_codebook_codes as
select
    codebook_version,
    code_id,
    name,
    layer,
    unit,
    tier,
    floor,
    is_sensitive,
    definition
from landed.codebook_codes;
