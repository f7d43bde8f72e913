-- What Dawid and Skene's model makes of the current round's codings, beside `label`. It settles
-- nothing. Grain: unit_type, unit_key and code_id.
-- @unit_type post, thread, author_timeline or community
-- @unit_key the unit
-- @code_id code of the codebook
-- @value the likeliest true value, given how each coder errs
-- @probability its chance under the model
create or replace view second_opinion as
select
    unit_type(opinions.unit_kind) as unit_type,
    opinions.unit_key,
    opinions.code_id,
    opinions.value,
    opinions.probability
from staging.stg_second_opinions as opinions
inner join staging.stg_current_round as chosen_round
    on
        opinions.wave = chosen_round.wave
        and opinions.round = chosen_round.round
        and opinions.codebook_version = chosen_round.codebook_version;
