"""Cards: what coders see of an author's timeline and of a community's week. Figures, no words.

A timeline's card has days counted from its first disclosure, and feedback against the author's
own mean; nothing on it leads to an account, a venue or a date. A community's card has no name.
Which posts a card is made of is told by a digest alone, so that a card can be renewed when one
of them goes.
"""

from collections.abc import Sequence
from hashlib import sha256
from statistics import mean, stdev
from typing import Any

from schema.coding import CodingTask
from warehouse.connection import Warehouse
from warehouse.models import CLAIM_VIEWS, make_views

DISCLOSURES = 3  # a timeline with fewer shows no pattern
_NOTE = "A card of figures: no post's words. Behind them are people who told of struggles."
_STANDING = """
units.unit_key not in (select unit_key from staging.stg_withheld_units)
"""
_CODED = """
coded as (
    select
        unit_key,
        max(value) filter (where code_id = 'struggleposting') as intensity,
        max(value) filter (where code_id = 'feedback_uptake') as uptake
    from label
    semi join current_round on current_round.wave = $1 and current_round.round = $2
    where unit_type = 'post'
    group by unit_key
)
"""
_TIMELINES = f"""
with {_CODED}

select
    timelines.unit_key, posts.post_key, posts.known_at,
    coded.unit_key is not null as is_coded, coded.intensity, coded.uptake, engagement.fb
from landed.units as timelines
inner join staging.stg_posts as posts
    on timelines.unit_key = timeline_key(posts.author_pseudonym)
inner join landed.units as units
    on posts.post_key = units.unit_key and units.unit_kind = 'root'
    and timelines.wave = units.wave and timelines.round = units.round
left join coded on posts.post_key = coded.unit_key
left join v_engage as engagement on posts.post_key = engagement.post_key
where timelines.wave = $1 and timelines.round = $2 and timelines.unit_kind = 'timeline'
    and {_STANDING}
    and timelines.unit_key not in (select unit_key from staging.stg_withheld_units)
order by timelines.unit_key, posts.known_at, posts.post_key
"""
_COMMUNITIES = f"""
with {_CODED}

select
    weeks.unit_key, posts.post_key, posts.author_key, coded.unit_key is not null as is_coded,
    rates.rate, rates.rate_prev4, rates.stigma_rate, rates.stigma_prev4,
    rates.support_rate, rates.support_prev4
from landed.units as weeks
inner join post as posts on weeks.unit_key = community_week_key(posts.community_key, posts.week)
inner join landed.units as units
    on posts.post_key = units.unit_key and units.unit_kind = 'root'
    and weeks.wave = units.wave and weeks.round = units.round
left join coded on posts.post_key = coded.unit_key
left join v_norm as rates on posts.community_key = rates.community_key and posts.week = rates.week
where weeks.wave = $1 and weeks.round = $2 and weeks.unit_kind = 'community'
    and {_STANDING}
    and weeks.unit_key not in (select unit_key from staging.stg_withheld_units)
order by weeks.unit_key, posts.post_key
"""
_TIMELINE_LEGEND = """
Day: days since the first disclosure shown. Gap: days since the one before.
Feedback: reactions and replies about a day after posting, in standard deviations from this
author's own mean (logarithms); ? where nobody looked at that time.
Intensity: struggleposting as coded. Uptake: the post itself speaks of earlier feedback."""
_COMMUNITY_LEGEND = """
Shares are weighted by the chance of being drawn; ? where too little is coded.
Rules and rituals: not collected; judge by what the community shows."""


def timeline_cards(warehouse: Warehouse, wave: str, round_: str) -> list[CodingTask]:
    """Build the timelines' cards, ordered by key; ready once all root posts drawn are coded.

    A timeline of which fewer root posts stand than a pattern needs has no card.
    """
    make_views(warehouse.connection, CLAIM_VIEWS, kind="temp view")
    rows = warehouse.frame(_TIMELINES, [wave, round_])
    cards = []
    for part in rows.partition_by("unit_key", maintain_order=True):
        posts = part.to_dicts()
        shown = [post for post in posts if (post["intensity"] or 0) >= 1]
        is_ready = all(post["is_coded"] for post in posts) and len(shown) >= DISCLOSURES
        if len(posts) >= DISCLOSURES:
            text = _timeline(shown) if is_ready else ""
            title = "One author's disclosures, in order"
            cards.append(_card(posts, "timeline", title, text, is_ready=is_ready))
    return cards


def community_cards(warehouse: Warehouse, wave: str, round_: str) -> list[CodingTask]:
    """Build the cards of communities' weeks, ordered by key; ready once all posts are coded."""
    make_views(warehouse.connection, CLAIM_VIEWS, kind="temp view")
    rows = warehouse.frame(_COMMUNITIES, [wave, round_])
    cards = []
    for part in rows.partition_by("unit_key", maintain_order=True):
        posts = part.to_dicts()
        is_ready = all(post["is_coded"] for post in posts) and posts[0]["rate"] is not None
        text = _community(posts) if is_ready else ""
        title = "A community in one week"
        cards.append(_card(posts, "community", title, text, is_ready=is_ready))
    return cards


def _card(
    posts: Sequence[dict[str, Any]], kind: Any, title: str, text: str, *, is_ready: bool
) -> CodingTask:
    keys = sorted(post["post_key"] for post in posts)
    return CodingTask(
        unit_key=posts[0]["unit_key"],
        unit_kind=kind,
        title=title,
        text=text,
        thread=(),
        content_note=_NOTE,
        parts=sha256("|".join(map(str, keys)).encode()).hexdigest()[:16],
        is_ready=is_ready,
    )


def _timeline(posts: Sequence[dict[str, Any]]) -> str:
    """Write the card: a line per disclosure."""
    known = [post["fb"] for post in posts if post["fb"] is not None]
    spread = stdev(known) if len(known) > 1 else 0.0
    lines = [f"{'Day':>5}{'Gap':>6}{'Feedback':>10}{'Intensity':>11}{'Uptake':>8}"]
    before = None
    for post in posts:
        day = (post["known_at"] - posts[0]["known_at"]).days
        gap = "?" if before is None else str(day - before)
        told = "?"
        if post["fb"] is not None and spread:
            told = f"{(post['fb'] - mean(known)) / spread:+.1f}"
        uptake = "yes" if post["uptake"] else "no"
        lines.append(f"{day:>5}{gap:>6}{told:>10}{post['intensity']:>11}{uptake:>8}")
        before = day
    return "\n".join(lines) + "\n" + _TIMELINE_LEGEND


def _community(posts: Sequence[dict[str, Any]]) -> str:
    """Write the card: a line per rate, this week's and that of the four weeks before."""
    authors = len({post["author_key"] for post in posts})
    lines = [
        f"Root posts in the sample: {len(posts)}, by {authors} authors",
        f"{'':<44}{'this week':>10}{'4 weeks before':>16}",
    ]
    for name, now, past in (
        ("Posts in which authors share a struggle", "rate", "rate_prev4"),
        ("Posts that speak openly of stigma", "stigma_rate", "stigma_prev4"),
        ("Replies that support", "support_rate", "support_prev4"),
    ):
        lines.append(f"{name:<44}{_share(posts[0][now]):>10}{_share(posts[0][past]):>16}")
    return "\n".join(lines) + "\n" + _COMMUNITY_LEGEND


def _share(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
