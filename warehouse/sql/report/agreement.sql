-- Agreement per code in the current round, beside its floor.
select
    agreement.code_id,
    codebook.name,
    agreement.alpha,
    agreement.alpha_low,
    agreement.alpha_high,
    agreement.floor,
    agreement.is_floor_met,
    agreement.n_units,
    agreement.n_coders,
    agreement.reason
from agreement
inner join current_round
    on
        agreement.wave = current_round.wave
        and agreement.round = current_round.round
        and agreement.codebook_version = current_round.codebook_version
inner join codebook
    on
        agreement.code_id = codebook.code_id
        and agreement.codebook_version = codebook.codebook_version
order by agreement.alpha desc nulls last, agreement.code_id asc;
