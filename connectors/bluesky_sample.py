"""Which replies of a thread are kept where there are more than the study wants. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class ReplySample:
    """At most `size` replies of a thread, drawn by the study's seed and their own addresses.

    The same thread gives the same replies, in whatever order they came. Each comes with every
    reply on the way up to it, which count as well: a path is whole or not there.
    """

    seed: int
    size: int

    def draw(self, replies: Mapping[str, str | None]) -> set[str]:
        """Choose from replies, each mapped to what it answers; n replies to at most `size`."""
        chosen: set[str] = set()
        for uri in sorted(replies, key=self._rank):
            way = list(_way_up(uri, replies, chosen))
            if len(chosen) + len(way) <= self.size:
                chosen.update(way)
        return chosen

    def _rank(self, uri: str) -> bytes:
        return sha256(f"{self.seed}/{uri}".encode()).digest()


def _way_up(uri: str | None, replies: Mapping[str, str | None], chosen: set[str]) -> Iterator[str]:
    """Walk from a reply upwards as long as there are replies that were not chosen yet."""
    passed: set[str] = set()
    while uri is not None and uri in replies and uri not in chosen and uri not in passed:
        passed.add(uri)
        yield uri
        uri = replies[uri]
