-- Reactions to an author's other posts in the 14 days after a disclosure, less those before.
-- Key: post_key.
-- @presence_gain mean ln(1 + r24h) of other posts in the 14 days after less that before
create or replace view v_presence as
select
    disclosures.post_key,
    disclosures.author_key,
    disclosures.community_key,
    disclosures.week,
    disclosures.w,
    disclosures.trauma_capitalization,
    disclosures.struggleposting,
    avg(ln(1 + case when engagement.r24h < 0 then 0 else engagement.r24h end))
    filter (where others.created_at > disclosures.created_at)
    - avg(ln(1 + case when engagement.r24h < 0 then 0 else engagement.r24h end))
    filter (where others.created_at < disclosures.created_at) as presence_gain
from v_apost as disclosures
inner join v_apost as others
    on
        disclosures.author_key = others.author_key
        and others.created_at between disclosures.created_at - interval 14 day
        and disclosures.created_at + interval 14 day
inner join v_engage as engagement on others.post_key = engagement.post_key
where disclosures.struggleposting >= 1 and others.struggleposting = 0
group by all;
