"""Which posts a study holds, as a set of bounded size: for a stream that runs for weeks.

An at-uri is kept as Python's own 64-bit hash, keyed anew in each process, so nothing in memory
spells an account out. Of two million posts, one in 10^13 strange uris is taken for one of them.
"""

from collections.abc import Iterable
from typing import Final

HELD_POSTS_MAX: Final = 2_000_000  # at most about 200 MB


class HeldPosts:
    """At-uris of posts, the newest `limit` of them at most; half of it, once it was full.

    Two generations: the older one goes when the younger is full, so no order is kept.
    """

    def __init__(self, limit: int = HELD_POSTS_MAX) -> None:
        """Begin empty."""
        self._generation_size = max(1, limit // 2)
        self._young: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, uri: object) -> bool:
        """Tell whether a post is held."""
        found = hash(uri)
        return found in self._young or found in self._old

    def __len__(self) -> int:
        """Count what is remembered."""
        return len(self._young | self._old)

    def add(self, uris: Iterable[str]) -> None:
        """Remember posts, the oldest first."""
        for uri in uris:
            if len(self._young) >= self._generation_size:
                self._old, self._young = self._young, set()
            self._young.add(hash(uri))

    def discard(self, uris: Iterable[str]) -> None:
        """Forget posts that are gone."""
        for uri in uris:
            self._young.discard(hash(uri))
            self._old.discard(hash(uri))
