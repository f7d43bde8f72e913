"""What a Bluesky post record points at and says of itself: facets, embeds, labels, languages.

Source: lexicon `app.bsky.feed.post`. A record is what a stranger's client wrote, so nothing
about its inside is taken for granted; what is not as the lexicon has it is passed over. New
kinds of embed appear without notice: they are read by the names of their fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from connectors.atproto_syntax import is_did, primary_language, record_uri
from schema.vocabulary import WISHES, Wish, WishValue

ADULT_LABELS: Final = frozenset(
    {"porn", "sexual", "nudity", "sexual-figurative", "graphic-media", "gore", "nsfl", "corpse"}
)
# a label's value may be any string, a name too: what is none of these is stored as `other`
KNOWN_LABELS: Final = ADULT_LABELS | {
    *("!hide", "!warn", "!takedown", "!no-unauthenticated", "!no-promote"),
    *("spam", "scam", "impersonation", "misleading", "inauthentic", "unsafe-link", "illicit"),
    *("self-harm", "sensitive", "extremist", "intolerant", "threat", "rude", "security"),
}
SIGNED_IN_ONLY: Final = "!no-unauthenticated"
TAKEDOWN: Final = "!takedown"
_WISH_VALUES: Final[dict[str, WishValue]] = {"True": "allow", "False": "disallow"}
_QUOTED_CONTENTS = frozenset({"value", "embeds", "labels"})
_EMBED_NODES_MAX = 2000  # a record holds at most 1 MB; no honest embed comes near this


@dataclass(frozen=True, slots=True)
class Facets:
    """What the marked-up parts of a text point at; `text` has its shortened links written out."""

    text: str = field(repr=False)
    links: tuple[str, ...] = field(repr=False)
    mentions: tuple[str, ...] = field(repr=False)
    hashtags_count: int


@dataclass(frozen=True, slots=True)
class Embedded:
    """What is attached to a post: words of its pictures and cards, links, accounts quoted."""

    alt_text: str | None = field(repr=False)
    card_text: str | None = field(repr=False)
    links: tuple[str, ...] = field(repr=False)
    accounts: tuple[str, ...] = field(repr=False)


def read_facets(text: str, facets: object) -> Facets:
    """Read a text's links, mentions and hashtags; offsets count UTF-8 bytes.

    A client shows `site.example/peop...` for a longer link. The whole address takes its place,
    so that masking sees an address and not the start of one.
    """
    links: list[str] = []
    mentions: list[str] = []
    written_out: list[tuple[int, int, str]] = []
    hashtags_count = 0
    encoded = text.encode()
    for start, end, feature in _features(facets, len(encoded)):
        shown = encoded[start:end].decode(errors="ignore").strip()
        kind = str(feature.get("$type", "")).rpartition("#")[2]
        if kind == "tag":
            hashtags_count += 1
        elif kind == "link" and isinstance(uri := feature.get("uri"), str) and uri:
            links.append(uri)
            if _is_shortened(shown, uri):
                written_out.append((start, end, uri))
        elif kind == "mention":
            did = feature.get("did")
            mentions += [name for name in (shown.lstrip("@"), did) if name and is_name(name)]
    return Facets(
        text=_replace(encoded, written_out),
        links=tuple(links),
        mentions=tuple(mentions),
        hashtags_count=hashtags_count,
    )


def read_embed(*embeds: object) -> Embedded:
    """Read what is attached to a post, from the record's own form and the AppView's.

    Pictures and videos give their `alt`, a link card its title, description and address, a
    quoted post its author's names. The quoted words are another author's: left out.
    """
    alts: list[str] = []
    cards: list[str] = []
    links: list[str] = []
    accounts: list[str] = []
    for node in _mappings(embeds):
        words = {key: value for key, value in node.items() if isinstance(value, str) and value}
        if "alt" in words:
            alts.append(words["alt"])
        target = words.get("uri") or words.get("url") or ""
        if target.startswith(("http://", "https://")):
            links.append(target)
            cards += [words[key] for key in ("title", "description") if key in words]
        elif uri := record_uri(target):
            accounts.append(uri.did)
        if is_did(words.get("did")):
            accounts += [words[key] for key in ("did", "handle", "displayName") if key in words]
    return Embedded(
        alt_text="\n".join(dict.fromkeys(alts)) or None,
        card_text="\n".join(dict.fromkeys(cards)) or None,
        links=tuple(dict.fromkeys(links)),
        accounts=tuple(name for name in dict.fromkeys(accounts) if is_name(name)),
    )


def label_values(labels: object) -> frozenset[str]:
    """Gather labels in force, of a view (a list) or of a record (`selfLabels`)."""
    if isinstance(labels, Mapping):
        labels = labels.get("values")
    if not isinstance(labels, list):
        return frozenset()
    return frozenset(
        label["val"]
        for label in labels
        if isinstance(label, Mapping)
        and isinstance(label.get("val"), str)
        and label.get("neg") is not True
    )


def labels_of(
    view: Mapping[str, Any], record: Mapping[str, Any], did: str
) -> set[tuple[str, bool]]:
    """Gather a post's labels in force, each with whether its own author put it on."""
    own = {(value, True) for value in label_values(record.get("labels"))}
    listed = view.get("labels")
    for label in listed if isinstance(listed, list) else ():
        is_self = isinstance(label, Mapping) and label.get("src") == did
        own |= {(value, is_self) for value in label_values([label])}
    return {(value if value in KNOWN_LABELS else "other", is_self) for value, is_self in own}


def declared_wishes(record: object) -> dict[Wish, tuple[WishValue, object]]:
    """Read a declaration: each wish's value, and when it says that was declared.

    What a record does not say, or says in a form of its own, is undeclared.
    """
    fields = record if isinstance(record, Mapping) else {}
    wishes: dict[Wish, tuple[WishValue, object]] = {}
    for wish in WISHES:
        told = fields.get(wish)
        told = told if isinstance(told, Mapping) else {}
        value = _WISH_VALUES.get(repr(told.get("allow")), "undeclared")
        wishes[wish] = (value, told.get("updatedAt", fields.get("updatedAt")))
    return wishes


def declared_languages(langs: object) -> list[str]:
    """Take the primary subtags of the well-formed languages a client declared, each once."""
    given = langs if isinstance(langs, list) else []
    return list(dict.fromkeys(tag for lang in given if (tag := primary_language(lang))))


def is_name(value: object) -> bool:
    """Tell whether a value can name somebody: a word of at least three characters."""
    return isinstance(value, str) and len(value.strip()) >= 3


def _features(facets: object, length: int) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
    for facet in facets if isinstance(facets, list) else ():
        if not isinstance(facet, Mapping) or not isinstance(index := facet.get("index"), Mapping):
            continue
        start, end = index.get("byteStart"), index.get("byteEnd")
        features = facet.get("features")
        if not (type(start) is int and type(end) is int and isinstance(features, list)):
            continue
        if not 0 <= start <= end <= length:
            start = end = 0  # it marks nothing we can see, yet what it points at counts
        for feature in features:
            if isinstance(feature, Mapping):
                yield start, end, feature


def _is_shortened(shown: str, uri: str) -> bool:
    """Tell whether the words shown are the start of the address, not words of their own."""
    start = _bare(shown.removesuffix("...").removesuffix("…"))
    return "." in start and " " not in start and _bare(uri).startswith(start)


def _bare(address: str) -> str:
    return address.lower().removeprefix("https://").removeprefix("http://").removeprefix("www.")


def _replace(encoded: bytes, parts: list[tuple[int, int, str]]) -> str:
    done = len(encoded)
    for start, end, uri in sorted(parts, reverse=True):
        if end <= done:  # of two that overlap the later one stands
            encoded = encoded[:start] + uri.encode() + encoded[end:]
            done = start
    return encoded.decode(errors="replace")


def _mappings(roots: tuple[object, ...]) -> Iterator[Mapping[str, Any]]:
    """Walk attached things breadth first; what a quoted post itself holds is not entered."""
    nodes: list[object] = list(roots)
    for node in islice(_growing(nodes), _EMBED_NODES_MAX):
        if isinstance(node, list):
            nodes += node
        elif isinstance(node, Mapping):
            nodes += [value for key, value in node.items() if key not in _QUOTED_CONTENTS]
            yield node


def _growing(nodes: list[object]) -> Iterator[object]:
    position = 0
    while position < len(nodes):
        yield nodes[position]
        position += 1
