"""What a Reddit post says besides its body: links, accounts, captions, poll options, cards."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

# Reddit's own place for a post's pictures and films: part of the post, not a link out of it.
_OWN_MEDIA_HOSTS: Final = frozenset({"i.redd.it", "v.redd.it", "preview.redd.it"})
_URL: Final = re.compile(
    r"(?:https?://|\bwww\.)[^\s<>\"\[\]()]+(?:\([^\s<>()]*\)[^\s<>\"\[\]()]*)*", re.IGNORECASE
)
_ACCOUNT: Final = re.compile(
    r"(?:(?<![\w/.-])/?|\breddit\.com/)u(?:ser)?/([A-Za-z0-9_-]{2,40})", re.IGNORECASE
)


def clean(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON lets through and no frame can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def links(data: Mapping[str, Any], title: str | None, text: str | None) -> list[str]:
    """List every URL a post points at, once each: its target, its pictures' and its words'."""
    found = [url for words in (title, text) for url in _urls_in(words)]
    for item in _gallery(data):
        found += _urls_in(item.get("outbound_url"))
    target = data.get("url")
    if isinstance(target, str) and data.get("is_self") is not True and _leads_out(target):
        found.insert(0, clean(target))
    return [url for url in dict.fromkeys(found) if not _is_own_media(url)]


def mentions(data: Mapping[str, Any], *texts: str | None, besides: str | None = None) -> list[str]:
    """List the accounts a post points at, once each, as it spells them; not its own author."""
    found = [name for words in texts for name in _ACCOUNT.findall(_unescaped(words))]
    parent_author = first_crosspost_parent(data).get("author")
    if isinstance(parent_author, str) and re.fullmatch(r"[A-Za-z0-9_-]+", parent_author):
        found.append(parent_author)
    own = (besides or "").lower()
    return [name for name in dict.fromkeys(found) if name.lower() != own]


def alt_text(data: Mapping[str, Any]) -> str | None:
    """Join a gallery's captions and a poll's options, one a line; None where it has neither."""
    poll = data.get("poll_data")
    options = poll.get("options") if isinstance(poll, Mapping) else None
    captions = [item.get("caption") for item in _gallery(data)]
    return _joined([*captions, *(option.get("text") for option in _mappings(options))])


def quoted_text(data: Mapping[str, Any]) -> str | None:
    """Join the title of what it crossposts and of the page it links, one a line, or None."""
    media = data.get("media")
    card = media.get("oembed") if isinstance(media, Mapping) else None
    title = card.get("title") if isinstance(card, Mapping) else None
    return _joined([first_crosspost_parent(data).get("title"), title])


def first_crosspost_parent(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the post that this one crossposts; empty where it crossposts none."""
    return next(_mappings(data.get("crosspost_parent_list")), {})


def _gallery(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    gallery = data.get("gallery_data")
    return _mappings(gallery.get("items") if isinstance(gallery, Mapping) else None)


def _mappings(values: Any) -> Iterator[Mapping[str, Any]]:
    return (
        (value for value in values if isinstance(value, Mapping))
        if isinstance(values, list)
        else iter(())
    )


def _joined(parts: Iterable[Any]) -> str | None:
    lines = [clean(part) for part in parts if isinstance(part, str) and part.strip()]
    return "\n".join(lines) or None


def _urls_in(words: Any) -> list[str]:
    if not isinstance(words, str):
        return []
    return [url.rstrip(".,;:!?*_~'`") for url in _URL.findall(_unescaped(clean(words)))]


def _unescaped(words: str | None) -> str:
    return (words or "").replace("\\_", "_")  # Reddit's editor escapes underscores


def _leads_out(target: str) -> bool:
    """Tell whether a post's target is an address at all, not a path or a broken one."""
    try:
        return urlsplit(target).scheme.lower() in ("http", "https")
    except ValueError:
        return False


def _is_own_media(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_gallery = host.endswith("reddit.com") and parts.path.startswith("/gallery/")
    return is_gallery or host in _OWN_MEDIA_HOSTS
