"""Bluesky's records of the invented community, as their authors' clients write them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from demo.history import wording
from demo.ids import POST_COLLECTION, cid, iso_milliseconds
from demo.model import MISSING, Community, Person, Post

PROFILE_COLLECTION: Final = "app.bsky.actor.profile"
NO_UNAUTHENTICATED: Final = "!no-unauthenticated"
_MENTION: Final = re.compile(r"@([a-z0-9][a-z0-9.-]*\.[a-z]+)", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://[^\s]+[^\s.,;:!?]")
_TAG: Final = re.compile(r"#([A-Za-z]\w*)")


class Records:
    """Records and their content ids; each version is made once."""

    def __init__(self, community: Community) -> None:
        """Take the community whose records are wanted."""
        self._community = community
        self._made: dict[tuple[str, datetime], tuple[Mapping[str, Any], str]] = {}

    def post(self, post: Post, now: datetime) -> Mapping[str, Any]:
        """Give a post's record as of `now`."""
        return self._version(post, now)[0]

    def post_cid(self, post: Post, now: datetime) -> str:
        """Give the content id of a post's record as of `now`."""
        return self._version(post, now)[1]

    def _version(self, post: Post, now: datetime) -> tuple[Mapping[str, Any], str]:
        current = wording(post, now)
        key = (post.native_id, current.at)
        if key not in self._made:
            record = self._record(post, current.text)
            self._made[key] = (record, cid(record))
        return self._made[key]

    def _record(self, post: Post, text: str) -> Mapping[str, Any]:
        record: dict[str, Any] = {
            "$type": POST_COLLECTION,
            "createdAt": post.claimed_at or iso_milliseconds(post.created_at),
            "langs": list(post.languages),
            "text": text,
        }
        if facets := self._facets(text):
            record["facets"] = facets
        if embed := self._embed(post):
            record["embed"] = embed
        if post.parent_id is not None:
            record["reply"] = {
                "root": self._reference(post.root_id),
                "parent": self._reference(post.parent_id),
            }
        for name, value in post.distortions.items():
            record[name] = value
        return {name: value for name, value in record.items() if value != MISSING}

    def _reference(self, uri: str) -> dict[str, str]:
        """Point at the first version of a post."""
        target = self._community.by_id[uri]
        return {"uri": uri, "cid": self.post_cid(target, target.created_at)}

    def _embed(self, post: Post) -> dict[str, Any] | None:
        media: dict[str, Any] | None = None
        if post.picture_alt is not None:
            media = {
                "$type": "app.bsky.embed.images",
                "images": [{"alt": post.picture_alt, "image": _blob(post.native_id)}],
            }
        elif post.link is not None and post.link.startswith("https://"):
            media = {"$type": "app.bsky.embed.external", "external": link_card(post.link)}
        if post.quote_of is None:
            return media
        quote = {"$type": "app.bsky.embed.record", "record": self._reference(post.quote_of)}
        if media is None:
            return quote
        return {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": media}

    def _facets(self, text: str) -> list[dict[str, Any]]:
        """Mark mentions, links and tags, at byte offsets of the UTF-8 text."""
        found: list[tuple[int, int, dict[str, str]]] = []
        for match in _MENTION.finditer(text):
            person = self._community.person(match[1])
            if person is not None:
                feature = {"$type": "app.bsky.richtext.facet#mention", "did": person.native_id}
                found.append((match.start(), match.end(), feature))
        for match in _LINK.finditer(text):
            feature = {"$type": "app.bsky.richtext.facet#link", "uri": match[0]}
            found.append((match.start(), match.end(), feature))
        for match in _TAG.finditer(text):
            feature = {"$type": "app.bsky.richtext.facet#tag", "tag": match[1]}
            found.append((match.start(), match.end(), feature))
        return [
            {
                "index": {
                    "byteStart": len(text[:start].encode()),
                    "byteEnd": len(text[:stop].encode()),
                },
                "features": [feature],
            }
            for start, stop, feature in sorted(found, key=lambda entry: entry[0])
        ]


def _blob(seed: str) -> dict[str, Any]:
    link = "bafkrei" + cid(seed)[7:]
    return {"$type": "blob", "ref": {"$link": link}, "mimeType": "image/jpeg", "size": 204_800}


def link_card(link: str) -> dict[str, str]:
    """Give a link's card; the description is what the page says of itself."""
    return {"uri": link, "title": "A page", "description": "What the page says of itself."}


def profile(person: Person) -> dict[str, Any]:
    """Give an account's profile record; shy accounts label themselves."""
    record: dict[str, Any] = {
        "$type": PROFILE_COLLECTION,
        "createdAt": iso_milliseconds(person.created_at),
        "displayName": person.display_name,
    }
    if person.is_hidden_logged_out:
        record["labels"] = {
            "$type": "com.atproto.label.defs#selfLabels",
            "values": [{"val": NO_UNAUTHENTICATED}],
        }
    return record


def indexed_at(post: Post) -> datetime:
    """Give the AppView's time of a post: the smaller of claimed and seen, 1970 at the least."""
    if post.claimed_at is None:
        return post.created_at
    try:
        claimed = datetime.fromisoformat(post.claimed_at).astimezone(UTC)
    except (ValueError, OverflowError):
        return post.created_at
    return min(max(claimed, datetime(1970, 1, 1, tzinfo=UTC)), post.created_at)
