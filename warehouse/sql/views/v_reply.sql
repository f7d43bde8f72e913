-- Coded replies of the sample, a column per code; null where a code is not settled.
-- A reply that is out of scope, or that nobody has coded, is left out. Key: reply_key.
-- @w design weight of the reply
create or replace view v_reply as
select
    edges.thread_key,
    edges.reply_key,
    edges.replier_key,
    edges.minutes_since_root,
    edges.depth,
    edges.is_self_reply,
    posts.n_words,
    units.weight as w,
    max(case when labels.code_id = 'reply_emotional_support' then labels.value end)
        as reply_emotional_support,
    max(case when labels.code_id = 'reply_esteem_validation' then labels.value end)
        as reply_esteem_validation,
    max(case when labels.code_id = 'reply_informational_support' then labels.value end)
        as reply_informational_support,
    max(case when labels.code_id = 'reply_shared_experience' then labels.value end)
        as reply_shared_experience,
    max(case when labels.code_id = 'reply_hostile_dismissive' then labels.value end)
        as reply_hostile_dismissive,
    max(case when labels.code_id = 'reply_privacy_intrusion' then labels.value end)
        as reply_privacy_intrusion,
    max(case when labels.code_id = 'help_seeking_step' then labels.value end)
        as help_seeking_step,
    max(case when labels.code_id = 'author_relief_followup' then labels.value end)
        as author_relief_followup,
    max(case when labels.code_id = 'feedback_uptake' then labels.value end)
        as feedback_uptake
from reply_edge as edges
inner join post as posts on edges.reply_key = posts.post_key
inner join current_round as chosen on true
inner join sample_unit as units
    on edges.reply_key = units.unit_key and chosen.wave = units.wave
inner join label as labels
    on
        edges.reply_key = labels.unit_key
        and chosen.codebook_version = labels.codebook_version
where units.unit_type = 'post' and labels.unit_type = 'post'
group by all
having coalesce(max(case when labels.code_id = 'out_of_scope' then labels.value end), 0) = 0;
