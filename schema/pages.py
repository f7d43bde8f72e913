"""What travels between a platform's client and the gate: pages, positions, coverage.

A page holds what the platform sent, so it names people: it lives in memory only, and its
repr shows counts alone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import dataframely as dy
import polars as pl

from schema.accounts import CollectedAccount, CollectedLabel, CollectedWish
from schema.frames import empty
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval
from schema.vocabulary import Platform

CoverageKind = Literal["seen", "gap"]
ContextRelation = Literal["parent", "root", "quoted"]
ContextState = Literal["not_found", "blocked", "detached"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """An interval of creation times a source was read for, or could not be (a gap).

    `venue` is the one whose root posts the interval holds whole, or lacks; `*` stands for every
    venue, None for a reading that picks some posts out (by keyword, by author). Behind the gate
    it is a community key.
    """

    from_at: datetime
    to_at: datetime
    kind: CoverageKind = "seen"
    reason: str | None = None
    at_most_count: int | None = None
    venue: str | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """Items that broke a rule: which rule, how many, and a skeleton without values."""

    rule: str
    skeleton: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ContextFact:
    """Whether what a post answers, stands under or quotes is shown; `state` None: it is.

    Names a person: memory only.
    """

    native_id: str = field(repr=False)
    relation: ContextRelation
    state: ContextState | None


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """What one pass over one venue asks for.

    `stream` names the cursor and coverage row in the warehouse: a source's name, with a
    pseudonym behind a slash where a source follows several accounts. `position` is what an
    earlier page carried, as stored; None means a first pass. `now` is when the pass over the stream
    was planned: no answer is older. An answer's own time is the clock's.
    """

    source: str
    stream: str
    venue: str = field(repr=False)  # a feed's address names its maker
    since: datetime
    now: datetime
    until: datetime | None = None
    position: str | None = None
    actor: str | None = field(default=None, repr=False)
    clock: Callable[[], datetime] | None = field(default=None, repr=False, compare=False)

    def answered_at(self) -> datetime:
        """Tell the time while an answer is at hand: `now` where the query has no clock."""
        return self.now if self.clock is None else self.clock()


@dataclass(frozen=True, slots=True)
class RawPage:
    """One answer of a platform, or one stretch of a file. Names people: memory only.

    What an API answered stands in `items`, what a file held in `rows`, a frame. `position` is
    stored in the transaction that stores the rows; None leaves the stored one. `missing` are
    native ids that were asked for and not answered; `scanned_count` events or items were looked
    at to fill the page, wanted or not. `notes` count what happened on the way: lines that broke
    and why, what a service would not give; never a value. `contexts` is what an answer told of its
    posts' surroundings.
    """

    platform: Platform
    source: str
    stream: str
    venue: str = field(repr=False)
    observed_at: datetime
    items: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    rows: pl.DataFrame | None = field(default=None, repr=False)
    position: str | None = None
    covered: tuple[Coverage, ...] = ()
    missing: tuple[str, ...] = field(default=(), repr=False)
    contexts: tuple[ContextFact, ...] = field(default=(), repr=False)
    requests_count: int = 1
    scanned_count: int = 0
    notes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ParsedPage:
    """A page sorted into posts, removals, and items set aside. Names people: memory only.

    `accounts` are those that closed or were seen standing, in the order it happened; `wishes`
    what accounts say of reuse; `labels` those of the page's posts.
    """

    posts: dy.DataFrame[CollectedPost] = field(repr=False)
    removals: dy.DataFrame[CollectedRemoval] = field(repr=False)
    set_aside: tuple[SetAside, ...] = ()
    accounts: dy.DataFrame[CollectedAccount] = field(
        default_factory=lambda: empty(CollectedAccount), repr=False
    )
    wishes: dy.DataFrame[CollectedWish] = field(
        default_factory=lambda: empty(CollectedWish), repr=False
    )
    labels: dy.DataFrame[CollectedLabel] = field(
        default_factory=lambda: empty(CollectedLabel), repr=False
    )
    contexts: tuple[ContextFact, ...] = field(default=(), repr=False)


def skeleton(item: object, *, known: frozenset[str]) -> str:
    """Describe an item's shape as JSON without any value; keys not in `known` are counted."""
    if not isinstance(item, Mapping):
        return json.dumps(type(item).__name__)
    shape: dict[str, Any] = {
        key: type(item[key]).__name__ for key in sorted(set(item) & known, key=str)
    }
    unknown = len(set(item) - known)
    if unknown:
        shape["unknown_keys_count"] = unknown
    return json.dumps(shape)
