"""Which events of the stream a study keeps: words, authors, replies to what it holds."""

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from connectors.bluesky_record import declared_languages
from connectors.held_posts import HeldPosts
from connectors.phrases import Phrases
from schema.pages import SetAside

DECLARED_ELSEWHERE: Final = "declares other languages alone"
_BETWEEN_PARTS = "\n\0\n"  # no phrase reaches from one text of a post into the next


@dataclass(frozen=True)
class EventFilter:
    """A post passes if its words, its author or what it answers ask for it.

    `keywords` are words or phrases, as `Phrases` compares them, looked for in the text, the
    pictures' descriptions and the tags. `reply_to` holds the at-uris of posts that the study
    keeps; a post passes that answers one, answers in its thread, or edits it. None: replies are
    not followed. `unheld` is told what a reply answers that does not pass. `edits_of` are at-uris
    whose edits pass whatever they say now. `languages`: what passed is left out, and counted,
    where its author declares others alone.

    The caller may let `dids`, `reply_to` and `edits_of` change while pages are read: they are
    asked anew for each event.
    """

    keywords: tuple[str, ...] = ()
    dids: Container[str] = field(default=frozenset(), repr=False)
    reply_to: Container[str] | None = field(default=None, repr=False)
    unheld: HeldPosts | None = field(default=None, repr=False)
    edits_of: Container[str] = field(default=frozenset(), repr=False)
    languages: frozenset[str] = frozenset()
    _left_out: Counter[str] = field(default_factory=Counter, repr=False, compare=False)

    def lets_through(
        self, uri: str, did: str, record: Mapping[str, Any], *, also: Collection[str] = ()
    ) -> bool:
        """Tell whether a post passes; `also` are at-uris kept beside `reply_to`."""
        if uri in also or uri in self.edits_of or self._is_held(uri):
            return True
        targets = () if self.reply_to is None else _targets(record)
        if not (did in self.dids or self._speaks_of_it(record) or self._is_any(targets, also)):
            if self.unheld is not None and targets:
                self.unheld.add(targets)
            return False
        if self.is_declared_elsewhere(record):
            self._left_out[DECLARED_ELSEWHERE] += 1
            return False
        return True

    def is_declared_elsewhere(self, record: Mapping[str, Any]) -> bool:
        """Tell whether an author names languages, and none of those that are asked for."""
        if not self.languages:
            return False
        declared = declared_languages(record.get("langs"))
        return bool(declared) and self.languages.isdisjoint(declared)

    def left_out(self) -> tuple[SetAside, ...]:
        """Hand over how many posts were left out since the last time, by rule."""
        counts = dict(self._left_out)
        self._left_out.clear()
        return tuple(SetAside(rule, "{}", count) for rule, count in counts.items())

    def _is_held(self, uri: str) -> bool:
        return self.reply_to is not None and uri in self.reply_to

    def _speaks_of_it(self, record: Mapping[str, Any]) -> bool:
        return bool(self._phrases) and self._phrases.are_in(_BETWEEN_PARTS.join(_words(record)))

    def _is_any(self, targets: Collection[str], also: Collection[str]) -> bool:
        return any(self._is_held(target) or target in also for target in targets)

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self.keywords)


def _targets(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the post that a reply answers and the one that opens its thread; of no reply nothing."""
    reply = record.get("reply")
    if not isinstance(reply, Mapping):
        return ()
    ends = (reply.get("root"), reply.get("parent"))
    found = (end.get("uri") for end in ends if isinstance(end, Mapping))
    return tuple(dict.fromkeys(target for target in found if isinstance(target, str)))


def _words(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an author wrote: text, tags, descriptions of pictures and videos.

    A link card's words are another's, and so are a quoted post's.
    """
    text, tags, embed = record.get("text"), record.get("tags"), record.get("embed")
    if isinstance(text, str):
        yield text
    if isinstance(tags, list):
        yield from (tag for tag in tags if isinstance(tag, str))
    if isinstance(embed, Mapping):
        media = embed.get("media")
        yield from _descriptions(media if isinstance(media, Mapping) else embed)


def _descriptions(media: Mapping[str, Any]) -> Iterator[str]:
    """Yield `alt` of a video, or of each item of a list: pictures today, galleries tomorrow."""
    lists = (value for value in media.values() if isinstance(value, list))
    items = [media, *(item for items in lists for item in items if isinstance(item, Mapping))]
    yield from (alt for item in items if isinstance(alt := item.get("alt"), str))
