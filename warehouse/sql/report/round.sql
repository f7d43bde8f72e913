-- The round in force: its name, and how many coders coded how many posts.
select
    current_round.wave,
    current_round.round,
    current_round.codebook_version,
    count(distinct annotation.coder_key) as n_coders,
    count(distinct annotation.unit_key) as n_units
from current_round
left join annotation
    on
        current_round.round = annotation.round
        and current_round.codebook_version = annotation.codebook_version
group by current_round.wave, current_round.round, current_round.codebook_version;
