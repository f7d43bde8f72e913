-- What authors of the corpus say of reuse, in counts. Grain: platform, wish and value.
-- Whoever has declared nothing counts as undeclared, which is treated as no.
-- @platform bluesky: Reddit knows no such declaration
-- @wish syntheticContentGeneration, publicAccessArchive, bulkDataset or protocolBridging
-- @value allow, disallow or undeclared
-- @n_authors authors whose posts are held
-- @n_posts their posts
create or replace view wishes as
with authors as (
    select
        platform,
        author_pseudonym,
        count(*) as posts_count
    from staging.stg_posts
    where platform = 'bluesky'
    group by platform, author_pseudonym
),

kinds as (
    select unnest(
        ['syntheticContentGeneration', 'publicAccessArchive', 'bulkDataset', 'protocolBridging']
    ) as wish
)

select
    authors.platform,
    kinds.wish,
    coalesce(told.value, 'undeclared') as value,
    count(*) as n_authors,
    cast(sum(authors.posts_count) as bigint) as n_posts
from authors
cross join kinds
left join staging.stg_author_wishes as told
    on
        authors.platform = told.platform
        and authors.author_pseudonym = told.author_pseudonym
        and kinds.wish = told.wish
group by authors.platform, kinds.wish, coalesce(told.value, 'undeclared');
