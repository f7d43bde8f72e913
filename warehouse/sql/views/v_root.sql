-- Coded root posts, a column per code; null where a code is not settled. Key: post_key.
-- A post that is out of scope is left out.
create or replace view v_root as
select
    posts.post_key,
    posts.thread_key,
    posts.platform,
    posts.community_key,
    posts.author_key,
    posts.created_at,
    posts.week,
    posts.visible_logged_out,
    posts.reach_device_count,
    max(case when labels.code_id = 'struggleposting' then labels.value end)
        as struggleposting,
    max(case when labels.code_id = 'digital_vulnerability_signaling' then labels.value end)
        as digital_vulnerability_signaling,
    max(case when labels.code_id = 'online_emotional_offloading' then labels.value end)
        as online_emotional_offloading,
    max(case when labels.code_id = 'audience_empathy_seeking' then labels.value end)
        as audience_empathy_seeking,
    max(case when labels.code_id = 'virtual_catharsis' then labels.value end)
        as virtual_catharsis,
    max(case when labels.code_id = 'public_coping_narratives' then labels.value end)
        as public_coping_narratives,
    max(case when labels.code_id = 'algorithmic_empathy_bidding' then labels.value end)
        as algorithmic_empathy_bidding,
    max(case when labels.code_id = 'trauma_capitalization' then labels.value end)
        as trauma_capitalization,
    max(case when labels.code_id = 'relatability_currency' then labels.value end)
        as relatability_currency,
    max(case when labels.code_id = 'theme_connection_validation' then labels.value end)
        as theme_connection_validation,
    max(case when labels.code_id = 'theme_support_community' then labels.value end)
        as theme_support_community,
    max(case when labels.code_id = 'theme_stigma_openness' then labels.value end)
        as theme_stigma_openness,
    max(case when labels.code_id = 'theme_advice_crowdsourcing' then labels.value end)
        as theme_advice_crowdsourcing,
    max(case when labels.code_id = 'theme_authentic_identity' then labels.value end)
        as theme_authentic_identity,
    max(case when labels.code_id = 'theme_attention_empathy' then labels.value end)
        as theme_attention_empathy,
    max(case when labels.code_id = 'theme_digital_footprint' then labels.value end)
        as theme_digital_footprint,
    max(case when labels.code_id = 'identifying_detail' then labels.value end)
        as identifying_detail
from post as posts
inner join label as labels on posts.post_key = labels.unit_key
inner join current_round as chosen on labels.codebook_version = chosen.codebook_version
where posts.is_root and labels.unit_type = 'post'
group by all
having coalesce(max(case when labels.code_id = 'out_of_scope' then labels.value end), 0) = 0;
