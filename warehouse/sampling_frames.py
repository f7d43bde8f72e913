"""Sampling frames: what of each kind of unit may be drawn, with what a draw needs to know of it.

A thread is keyed by its root, a timeline and a community's week by keys of their own. A timeline
is in the frame where a word list finds enough disclosures; how many there are, coders say.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import dataframely as dy

from schema.coding import FrameUnit
from schema.vocabulary import UnitKind
from warehouse.clock import naive
from warehouse.connection import Warehouse

MINIMUM_REPLIES = 3  # of a thread, and disclosures of a timeline
MINIMUM_AUTHORS = 10  # of a community's week, and never more than its posts
_KIND = """
case
    when posts.platform = 'reddit' then 'subreddit'
    when posts.community_key = 'bluesky/network' then 'network'
    else 'feed'
end
"""
# what may be drawn of posts, and how much is said in their venue in their week
_POSTS = f"""
with eligible as (
    select
        posts.post_key as unit_key,
        posts.version_key,
        posts.thread_key,
        posts.platform,
        cast(date_trunc('week', posts.known_at) as date) as week,
        {_KIND} as community_kind,
        posts.community_key,
        posts.author_pseudonym,
        posts.is_root,
        posts.text_masked,
        -- "thank you" said twice is no copy: short posts stand for themselves
        case
            when length(posts.text_masked) >= 40
                then coalesce(marks.cluster_key, canonicals.cluster_key, posts.post_key)
            else posts.post_key
        end as cluster_key
    from staging.stg_posts as posts
    left join staging.stg_duplicate_marks as marks on posts.post_key = marks.post_key
    left join (
        select distinct canonical_key, cluster_key from staging.stg_duplicate_marks
    ) as canonicals on posts.post_key = canonicals.canonical_key
    where greatest(posts.known_at, coalesce(posts.indexed_at, posts.known_at)) <= $1
        and posts.route <> 'fixture'
        and not posts.is_nsfw
        and posts.is_visible_logged_out
        and trim(posts.text_masked) <> ''
        and posts.post_key not in (select unit_key from staging.stg_withheld_units)
        and not list_contains($2, lower(split_part(posts.community_key, '/', 2)))
),

posts as (
    select
        *,
        count(*) filter (where is_root) over (partition by community_key, week) as volume_count
    from eligible
)
"""
_VOLUME = (
    "case when volume_count < 10 then 'low' when volume_count < 100 then 'mid' else 'high' end"
)
_OF_POSTS = f"""
{_POSTS}
select
    unit_key, version_key, thread_key, platform, week, community_kind, {_VOLUME} as volume,
    author_pseudonym, cluster_key, {{bands}} as bands,
    0.0 as least_probability
from posts
where is_root = $3
order by unit_key
"""
_THREADS = f"""
{_POSTS}
select
    unit_key, version_key, thread_key, platform, week, community_kind, {_VOLUME} as volume,
    author_pseudonym, cluster_key, '' as bands,
    0.0 as least_probability
from posts
semi join (
    select thread_key from posts where not is_root group by thread_key having count(*) >= $3
) as answered on posts.unit_key = answered.thread_key
where is_root
order by unit_key
"""
_TIMELINES = f"""
{_POSTS},

found as (
    select *, timeline_key(author_pseudonym) as timeline
    from posts
    where is_root and {{is_disclosure}}
    -- what was written twice is one disclosure
    qualify row_number() over (partition by cluster_key order by week, unit_key) = 1
)

select
    timeline as unit_key, 0::ubigint as version_key, null::ubigint as thread_key, platform,
    min(week) as week, min(community_kind) as community_kind, 'low' as volume,
    author_pseudonym, timeline as cluster_key, '' as bands,
    0.0 as least_probability
from found
where timeline not in (select unit_key from staging.stg_withheld_units)
group by platform, author_pseudonym, timeline
having count(*) >= $3
order by timeline
"""
_COMMUNITIES = f"""
select
    community_week_key(posts.community_key, posts.week) as unit_key,
    0::ubigint as version_key,
    null::ubigint as thread_key,
    posts.platform,
    posts.week,
    {_KIND} as community_kind,
    'low' as volume,
    '' as author_pseudonym,
    community_week_key(posts.community_key, posts.week) as cluster_key,
    '' as bands,
    0.0 as least_probability
from landed.units as units
inner join post as posts on units.unit_key = posts.post_key
where units.wave = $1 and units.round = $2 and units.unit_kind = 'root'
    and posts.is_created_at_plausible
    and units.unit_key not in (select unit_key from staging.stg_withheld_units)
group by posts.platform, posts.community_key, posts.week
having count(*) >= $3 and count(distinct posts.author_key) >= least($3, $4)
order by unit_key
"""


def sampling_frame(
    warehouse: Warehouse,
    unit_kind: UnitKind,
    *,
    now: datetime,
    minimum_age_days: int,
    excluded_communities: Sequence[str] = (),
    word_lists: Mapping[str, str] | None = None,
    disclosure: str = "",
) -> dy.DataFrame[FrameUnit]:
    """List the posts, threads or timelines that may be drawn, ordered by key.

    `word_lists` are regular expressions in lower case, each giving a digit of `bands`;
    `disclosure` is the one that finds disclosures, for timelines.

    Left out: what is younger than `minimum_age_days`, marked adult, meant for signed-in
    readers, without words, withheld, recorded test data, or from an excluded community.
    """
    oldest = naive(now) - timedelta(days=minimum_age_days)
    excluded = [name.lower() for name in excluded_communities]
    patterns = list((word_lists or {}).values())
    given: list[object] = [oldest, excluded]
    if unit_kind == "thread":
        rows = warehouse.frame(_THREADS, [*given, MINIMUM_REPLIES])
    elif unit_kind == "timeline":
        sql = _TIMELINES.format(is_disclosure=f"{_hits(4)} > 0")
        rows = warehouse.frame(sql, [*given, MINIMUM_REPLIES, disclosure])
    else:
        digits = [f"least({_hits(number)}, 2)" for number in range(4, 4 + len(patterns))]
        sql = _OF_POSTS.format(bands=" || ".join(("''", *digits)))
        rows = warehouse.frame(sql, [*given, unit_kind == "root", *patterns])
    return FrameUnit.validate(rows, cast=True)


def community_frame(
    warehouse: Warehouse, wave: str, round_: str, *, minimum_posts: int
) -> dy.DataFrame[FrameUnit]:
    """List the communities' weeks of which a round drew enough root posts, ordered by key."""
    given = [wave, round_, minimum_posts, MINIMUM_AUTHORS]
    return FrameUnit.validate(warehouse.frame(_COMMUNITIES, given), cast=True)


def read_frame(
    warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind
) -> dy.DataFrame[FrameUnit]:
    """Read what a round's units were drawn from, but for what was removed since."""
    rows = warehouse.frame(
        "select * exclude (wave, round, unit_kind) from landed.frames "
        "where wave = $1 and round = $2 and unit_kind = $3 order by unit_key",
        [wave, round_, unit_kind],
    )
    return FrameUnit.validate(rows, cast=True)


def _hits(number: int) -> str:
    """Count the different phrases that a regular expression, a parameter, finds."""
    words = "replace(lower(text_masked), chr(8217), chr(39))"
    return f"len(list_distinct(regexp_extract_all({words}, ${number})))"
