"""Comparing what is new in the warehouse with all that it holds, for duplicate marks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from transforms.deduplicate import VERSION, find_duplicates
from warehouse import store

Answer = TypeVar("Answer")
Opened = Callable[[], AbstractContextManager[store.Warehouse]]


@dataclass(frozen=True, slots=True)
class KeptPosts:
    """The posts of one warehouse, which is open for the length of a question only."""

    opened: Opened

    def ask(self, question: Callable[[store.Warehouse], Answer]) -> Answer:
        """Open the warehouse for one question."""
        with self.opened() as warehouse:
            return question(warehouse)

    def texts(self, post_keys: pl.Series) -> pl.DataFrame:
        """Return the masked texts of those posts that are held."""
        return self.ask(lambda warehouse: store.duplicate_texts(warehouse, post_keys))

    def alike(self, wordings: pl.Series) -> pl.DataFrame:
        """Return the clusters that have one of these wordings."""
        return self.ask(lambda warehouse: store.kept_alike(warehouse, wordings))

    def sketches(self) -> Iterator[pl.DataFrame]:
        """Yield all kept sketches; the warehouse is open until the last is taken."""
        with self.opened() as warehouse:
            yield from store.kept_sketches(warehouse)

    def clusters(self, post_keys: pl.Series) -> pl.DataFrame:
        """Return the clusters of these posts."""
        return self.ask(lambda warehouse: store.kept_clusters(warehouse, post_keys))

    def members(self, cluster_keys: pl.Series) -> pl.DataFrame:
        """Return all posts of these clusters."""
        return self.ask(lambda warehouse: store.kept_members(warehouse, cluster_keys))


def compare_due(opened: Opened, *, across_platforms: bool) -> int:
    """Compare the posts that are due, save marks and sketches; return how many marks stand.

    A pass that dies leaves the marks as they were, and its posts due.
    """
    kept = KeptPosts(opened)
    rules = f"v{VERSION}{' across platforms' if across_platforms else ''}"
    with opened() as warehouse:
        due = store.duplicate_inputs(warehouse, rules)
        if due.is_empty():
            return store.count_duplicates(warehouse)
    found = find_duplicates(due, kept.texts, kept, across_platforms=across_platforms)
    as_read = due.select("post_key", "version_key", "scrubber_version")
    return kept.ask(
        lambda warehouse: store.save_duplicates(
            warehouse,
            found.marks,
            sketches=found.sketches.join(as_read, on="post_key"),
            post_keys=found.post_keys,
            until=due["place"][-1],
        )
    )
