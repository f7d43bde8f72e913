-- How often a post's detected language is none that its client declared. Grain: platform,
-- declared and detected. Posts without a declaration, or too short to tell, are left out; cells
-- of fewer than 11 authors are put together as `other`.
-- @platform bluesky: Reddit's clients declare no language
-- @declared primary subtag, the first where a client declared several
-- @detected language of the text, ISO 639-1
-- @n_posts posts of the cell
-- @declared_share of the posts so declared
-- @is_disagreement the detected language is none of the declared ones
-- @mean_confidence probability of the detected language, 0.5 to 1; null where none was kept
create or replace view language_disagreement as
with told as (
    select
        platform,
        author_pseudonym,
        declared_languages[1] as declared,
        language as detected,
        language_confidence,
        not list_contains(declared_languages, language) as is_disagreement
    from staging.stg_posts
    where language is not null and len(declared_languages) > 0
),

cells as (
    select
        *,
        count(distinct author_pseudonym) over (
            partition by platform, declared, detected, is_disagreement
        ) as authors_count
    from told
),

merged as (
    select
        platform,
        case when authors_count >= 11 then declared else 'other' end as declared,
        case when authors_count >= 11 then detected else 'other' end as detected,
        is_disagreement,
        language_confidence
    from cells
)

select
    platform,
    declared,
    detected,
    count(*) as n_posts,
    count(*) / sum(count(*)) over (partition by platform, declared) as declared_share,
    is_disagreement,
    avg(language_confidence) as mean_confidence
from merged
group by platform, declared, detected, is_disagreement;
