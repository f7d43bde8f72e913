"""What coders get to see of units of posts: root posts, replies under what they answer, threads.

Masked text only. People are told apart by number, and what was deleted or is blocked is said so.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from schema.coding import CodingTask, Turn
from schema.vocabulary import UnitKind
from warehouse.cards import community_cards, timeline_cards
from warehouse.connection import Warehouse
from warehouse.sampling_frames import MINIMUM_REPLIES

CONTEXT_TURNS = 6  # the root, then the nearest posts above a reply
CONTENT_NOTE = "Posts may tell of illness, loss, abuse, money or despair. Skip any you wish to."
_ASKER, _OTHER, _NOBODY = "Author of the thread", "Reader", "—"
_BLOCKED = "is not shown: one of the two authors blocks the other"
_UNSHOWN = {
    ("parent", "not_found"): "The post that this one answers was deleted.",
    ("parent", "blocked"): f"The post that this one answers {_BLOCKED}.",
    ("root", "not_found"): "The post that opened this thread was deleted.",
    ("root", "blocked"): f"The post that opened this thread {_BLOCKED}.",
}
_UNITS = """
select units.unit_key, posts.title, posts.unit_text as text
from landed.units
inner join staging.stg_posts as posts on units.unit_key = posts.post_key
where units.wave = $1 and units.round = $2 and units.unit_kind = $3
    and units.unit_key not in (select unit_key from staging.stg_withheld_units)
    and units.unit_key not in (select post_key from staging.stg_expired_texts)
order by units.unit_key
"""
# the roots of a round that its coders let through a gate, each `code` at least `minimum`
_OPENED = """
select distinct label.unit_key
from label
inner join gates on label.code_id = gates.code and label.value >= gates.minimum
semi join current_round on current_round.wave = $1 and current_round.round = $2
where label.unit_type = 'post'
"""
_SAMPLED = """
select
    posts.thread_key as unit_key, posts.author_pseudonym, false as is_root, posts.text_masked,
    posts.post_key
from landed.units
inner join staging.stg_posts as posts on units.unit_key = posts.post_key
semi join batch on posts.thread_key = batch.unit_key
where units.wave = $1 and units.round = $2 and units.unit_kind = 'reply'
    and units.unit_key not in (select unit_key from staging.stg_withheld_units)
    and units.unit_key not in (select post_key from staging.stg_expired_texts)
order by posts.thread_key, posts.known_at, posts.post_key
"""


def coding_tasks(
    warehouse: Warehouse,
    wave: str,
    round_: str,
    unit_kind: UnitKind,
    *,
    gates: Sequence[tuple[str, int]] = (),
) -> list[CodingTask]:
    """Build what coders see of a round's units, ordered by key.

    A reply stands under its thread's root and the nearest posts above it, as far as the corpus
    holds them. A thread shows its root and the replies that the round drew; it is ready once
    coders gave its root a value of one of `gates`, code and least value, while enough of these
    replies stand. Timelines and communities are cards, ready once all their posts are coded.
    """
    if unit_kind == "timeline":
        return timeline_cards(warehouse, wave, round_)
    if unit_kind == "community":
        return community_cards(warehouse, wave, round_)
    rows = warehouse.frame(_UNITS, [wave, round_, unit_kind])
    threads: dict[int, tuple[Turn, ...]] = {}
    ready = set(rows["unit_key"])
    if unit_kind == "reply":
        threads = _threads(warehouse, rows)
    if unit_kind == "thread":
        threads = _sampled(warehouse, rows, wave, round_)
        ready = ready if not gates else _opened(warehouse, gates, wave, round_)
        ready &= {key for key, turns in threads.items() if len(turns) >= MINIMUM_REPLIES}
    return [
        CodingTask(
            unit_key=row["unit_key"],
            unit_kind=unit_kind,
            title=row["title"] or "",
            text=row["text"],
            thread=threads.get(row["unit_key"], ()),
            content_note=CONTENT_NOTE,
            is_ready=row["unit_key"] in ready,
        )
        for row in rows.to_dicts()
    ]


def _opened(
    warehouse: Warehouse, gates: Sequence[tuple[str, int]], wave: str, round_: str
) -> set[int]:
    shown = pl.DataFrame(list(gates), schema={"code": pl.String, "minimum": pl.Int64}, orient="row")
    with warehouse.showing("gates", shown):
        return set(warehouse.frame(_OPENED, [wave, round_])["unit_key"])


def _sampled(
    warehouse: Warehouse, roots: pl.DataFrame, wave: str, round_: str
) -> dict[int, tuple[Turn, ...]]:
    """Map each thread to its sampled replies, oldest first, its own author told apart."""
    with warehouse.showing("batch", roots.select("unit_key")):
        replies = warehouse.frame(_SAMPLED, [wave, round_])
        authors = dict(
            warehouse.execute(
                "select post_key, author_pseudonym from staging.stg_posts "
                "semi join batch on post_key = batch.unit_key"
            )
        )
    return {
        part["unit_key"][0]: tuple(_numbered(part.to_dicts(), authors[part["unit_key"][0]]))
        for part in replies.partition_by("unit_key", maintain_order=True)
    }


_ABOVE = """
with recursive above as (
    select post_key as unit_key, parent_key, thread_key, author_pseudonym as asker, 0 as step
    from staging.stg_posts
    where post_key in (select unit_key from batch)
    union all
    select above.unit_key, parents.parent_key, above.thread_key, above.asker, above.step + 1
    from above
    inner join staging.stg_posts as parents on above.parent_key = parents.post_key
    where above.step < 1000
),

shown as (
    select
        above.unit_key,
        above.step + 1 as step,
        posts.post_key = above.thread_key as is_root,
        posts.author_pseudonym,
        posts.text_masked
    from above
    inner join staging.stg_posts as posts on above.parent_key = posts.post_key
    anti join staging.stg_expired_texts as expired on posts.post_key = expired.post_key
    union
    select
        above.unit_key,
        1001 as step,
        true as is_root,
        posts.author_pseudonym,
        posts.text_masked
    from above
    inner join staging.stg_posts as posts on above.thread_key = posts.post_key
    anti join staging.stg_expired_texts as expired on posts.post_key = expired.post_key
    where above.step = 0
)

select unit_key, author_pseudonym, is_root, text_masked
from shown
qualify row_number() over (partition by unit_key, is_root order by step) < ?
    and (not is_root or row_number() over (partition by unit_key, is_root order by step) = 1)
order by unit_key, is_root desc, step desc
"""


_HIDDEN = """
select context.post_key as unit_key, context.relation, context.state
from thread_context as context
inner join staging.stg_posts as posts using (post_key)
semi join batch on context.post_key = batch.unit_key
where
    context.relation = 'parent'
    and coalesce(posts.parent_key not in (select post_key from staging.stg_posts), true)
    or context.relation = 'root' and posts.parent_key is distinct from posts.thread_key
    and coalesce(posts.thread_key not in (select post_key from staging.stg_posts), true)
"""


def _threads(warehouse: Warehouse, units: pl.DataFrame) -> dict[int, tuple[Turn, ...]]:
    """Map each reply to what stands above it: the root, then from far to near."""
    with warehouse.showing("batch", units.select("unit_key")):
        rows = warehouse.frame(_ABOVE, [CONTEXT_TURNS])
        hidden = warehouse.frame(_HIDDEN)
    threads = {
        part["unit_key"][0]: tuple(_turns(part.to_dicts()))
        for part in rows.partition_by("unit_key", maintain_order=True)
    }
    for unit_key, relation, state in hidden.sort("relation").iter_rows():
        turns, note = threads.get(unit_key, ()), (Turn(_NOBODY, _UNSHOWN[relation, state]),)
        threads[unit_key] = (*turns, *note) if relation == "parent" else (*note, *turns)
    return threads


def _turns(posts: Sequence[dict[str, Any]]) -> Iterable[Turn]:
    """Number the people of a thread in the order they speak."""
    root = posts[0]["author_pseudonym"] if posts[0]["is_root"] else None
    return _numbered(posts, root)


def _numbered(posts: Sequence[dict[str, Any]], root: str | None) -> Iterable[Turn]:
    readers: dict[str, str] = {}
    for post in posts:
        author, named = post["author_pseudonym"], _ASKER
        uid = f"{post['post_key']:016x}" if "post_key" in post else ""
        if author != root:
            named = readers.setdefault(author, f"{_OTHER} {len(readers) + 1}")
        yield Turn(author=named, text=post["text_masked"], post_uid=uid)
