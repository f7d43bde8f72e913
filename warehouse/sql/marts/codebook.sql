-- Codes. Grain: codebook_version and code_id. The safety code is no variable and is left out.
-- @codebook_version version of the codebook
-- @code_id code
-- @name its name
-- @layer group of codes
-- @unit unit of analysis
-- @tier tier of agreement
-- @floor alpha below which no claim may use the code
-- @is_sensitive touches what may harm a person
-- @definition what it means
create or replace view codebook as
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
from staging.stg_codebook_codes;
