"""Which events of the stream a study keeps: words, authors, replies to what it holds."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

_APOSTROPHES = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'"})


@dataclass(frozen=True)
class EventFilter:
    """A post passes if one of the three says so.

    `keywords` are words or phrases: whole words, whatever their case and spacing, compared in
    Unicode's compatibility form. `reply_to` holds the at-uris of posts that the study keeps; a
    post passes that answers one, answers in its thread, or edits it. The caller may let the set
    grow while pages are read: it is asked anew for each event. None: replies are not followed.
    """

    keywords: tuple[str, ...] = ()
    dids: frozenset[str] = field(default=frozenset(), repr=False)
    reply_to: Set[str] | None = field(default=None, repr=False)

    def lets_through(
        self, uri: str, did: str, record: Mapping[str, Any], *, also: Collection[str] = ()
    ) -> bool:
        """Tell whether a post passes; `also` are at-uris kept beside `reply_to`."""
        if did in self.dids or self._speaks_of_it(record.get("text")):
            return True
        if self.reply_to is None:
            return False
        given = record.get("reply")
        reply = given if isinstance(given, Mapping) else {}
        near = [uri]
        for end in ("root", "parent"):
            reference = reply.get(end)
            target = reference.get("uri") if isinstance(reference, Mapping) else None
            near += [target] if isinstance(target, str) else []
        return any(target in self.reply_to or target in also for target in near)

    def _speaks_of_it(self, text: object) -> bool:
        if self._words is None or not isinstance(text, str):
            return False
        return self._words.search(_comparable(text)) is not None

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        phrases = [_comparable(keyword).split() for keyword in self.keywords]
        patterns = [r"\s+".join(map(re.escape, words)) for words in phrases if words]
        return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)") if patterns else None


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
