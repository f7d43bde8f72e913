"""The AppView's views of the invented community, as a signed-out reader gets them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from demo.bluesky_records import (
    NO_UNAUTHENTICATED,
    PROFILE_COLLECTION,
    Records,
    indexed_at,
    profile,
)
from demo.history import counts, end, exists, handle, is_public, status
from demo.ids import cid, iso_milliseconds
from demo.model import Community, Person, Post

CDN: Final = "https://cdn.bsky.app/img"
DEFS: Final = "app.bsky.feed.defs"


class Views:
    """Views as of one instant."""

    def __init__(self, community: Community, records: Records, now: datetime) -> None:
        """Take the community, its records and the instant."""
        self.community = community
        self.records = records
        self.now = now
        self._blocks = {frozenset(pair) for pair in community.blocks}

    def shows(self, post: Post | None) -> bool:
        """Whether the AppView has a post: valid, standing, its account active."""
        return post is not None and not post.distortions and is_public(post, self.now)

    def indexes(self, post: Post) -> bool:
        """Whether a post takes a place in a feed's pages: a taken-down one does, unseen."""
        gone = end(post, self.now)
        stands = gone is None or gone.fate == "taken_down"
        return not post.distortions and exists(post, self.now) and stands

    def is_blocked(self, one: Person, other: Person) -> bool:
        """Whether either of two accounts blocks the other."""
        return frozenset((one.native_id, other.native_id)) in self._blocks

    def author(self, person: Person) -> dict[str, Any]:
        """Give a profileViewBasic."""
        return {
            "did": person.native_id,
            "handle": handle(person, self.now),
            "displayName": person.display_name,
            "avatar": f"{CDN}/avatar/plain/{person.native_id}/{cid(person.native_id)}@jpeg",
            "labels": self._labels(person),
            "createdAt": iso_milliseconds(person.created_at),
        }

    def profile(self, person: Person) -> dict[str, Any]:
        """Give a profileViewDetailed."""
        own = self.community.by_author.get(person.native_id, ())
        posts = [post for post in own if self.shows(post)]
        return {
            **self.author(person),
            "description": "",
            "followersCount": 10 + len(person.name),
            "followsCount": 20,
            "postsCount": len(posts),
            "indexedAt": iso_milliseconds(person.created_at),
        }

    def _labels(self, person: Person) -> list[dict[str, Any]]:
        if not person.is_hidden_logged_out:
            return []
        return [
            {
                "src": person.native_id,
                "uri": f"at://{person.native_id}/{PROFILE_COLLECTION}/self",
                "cid": cid(profile(person)),
                "val": NO_UNAUTHENTICATED,
                "cts": iso_milliseconds(person.created_at),
            }
        ]

    def post(self, post: Post) -> dict[str, Any]:
        """Give a postView."""
        seen = counts(self.community, post, self.now)
        view = {
            "uri": post.native_id,
            "cid": self.records.post_cid(post, self.now),
            "author": self.author(post.author),
            "record": self.records.post(post, self.now),
            "bookmarkCount": 0,
            "replyCount": seen.replies,
            "repostCount": seen.reposts,
            "likeCount": seen.likes,
            "quoteCount": seen.quotes,
            "indexedAt": iso_milliseconds(indexed_at(post)),
            "labels": [],
        }
        embed = self.records.post(post, self.now).get("embed")
        if embed is not None:
            view["embed"] = self._embed(embed, post)
        return view

    def _embed(self, embed: dict[str, Any], post: Post) -> dict[str, Any]:
        kind = embed["$type"]
        if kind == "app.bsky.embed.record":
            return {"$type": f"{kind}#view", "record": self._quoted(embed["record"]["uri"])}
        if kind == "app.bsky.embed.recordWithMedia":
            return {
                "$type": f"{kind}#view",
                "record": {"record": self._quoted(embed["record"]["record"]["uri"])},
                "media": self._embed(embed["media"], post),
            }
        if kind == "app.bsky.embed.external":
            return {"$type": f"{kind}#view", "external": embed["external"]}
        return {"$type": f"{kind}#view", "images": [_image(post, one) for one in embed["images"]]}

    def _quoted(self, uri: str) -> dict[str, Any]:
        target = self.community.by_id[uri]
        if not self.shows(target):
            return {"$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": True}
        view = self.post(target)
        kept = ("uri", "cid", "author", "labels", "indexedAt")
        numbers = ("likeCount", "quoteCount", "replyCount", "repostCount")
        return {
            "$type": "app.bsky.embed.record#viewRecord",
            **{key: view[key] for key in (*kept, *numbers)},
            "value": view["record"],
            "embeds": [],
        }

    def feed_item(self, post: Post, by: tuple[Person, datetime] | None) -> dict[str, Any]:
        """Give a feedViewPost; `by` is who reposted it and when."""
        item: dict[str, Any] = {"post": self.post(post)}
        if by is not None:
            item["reason"] = {
                "$type": f"{DEFS}#reasonRepost",
                "by": self.author(by[0]),
                "indexedAt": iso_milliseconds(by[1]),
            }
        elif post.parent_id is not None:
            item["reply"] = {
                "root": self._above(post, post.root_id),
                "parent": self._above(post, post.parent_id),
            }
        return item

    def _above(self, post: Post, uri: str) -> dict[str, Any]:
        target = self.community.by_id[uri]
        if not self.shows(target):
            return not_found(uri)
        if self.is_blocked(post.author, target.author):
            return _blocked(target)
        return {"$type": f"{DEFS}#postView", **self.post(target)}

    def thread(self, post: Post, *, depth: int, height: int) -> dict[str, Any]:
        """Give a threadViewPost with `height` parents and `depth` levels of answers."""
        view = self._downwards(post, depth)
        if post.parent_id is not None and height > 0:
            view["parent"] = self._upwards(post, height)
        return view

    def _downwards(self, post: Post, depth: int) -> dict[str, Any]:
        view: dict[str, Any] = {
            "$type": f"{DEFS}#threadViewPost",
            "post": self.post(post),
            "threadContext": {},
        }
        if depth > 0:
            view["replies"] = [self._downwards(answer, depth - 1) for answer in self._answers(post)]
        return view

    def _answers(self, post: Post) -> Sequence[Post]:
        """List the answers that show; one that a block stands between is left out unmarked."""
        return [
            answer
            for answer in self.community.answers.get(post.native_id, ())
            if self.shows(answer) and not self.is_blocked(answer.author, post.author)
        ]

    def _upwards(self, post: Post, height: int) -> dict[str, Any]:
        uri = str(post.parent_id)
        target = self.community.by_id[uri]
        if not self.shows(target):
            return not_found(uri)
        if self.is_blocked(post.author, target.author):
            return _blocked(target)
        view: dict[str, Any] = {
            "$type": f"{DEFS}#threadViewPost",
            "post": self.post(target),
            "threadContext": {},
        }
        if target.parent_id is not None and height > 1:
            view["parent"] = self._upwards(target, height - 1)
        return view

    def account_error(self, person: Person | None) -> tuple[str, str] | None:
        """Say why an account cannot be read; None when it can."""
        if person is None or person.platform != "bluesky":
            return "InvalidRequest", "Profile not found"
        current = status(person, self.now)
        return {
            "active": None,
            "deleted": ("InvalidRequest", "Profile not found"),
            "deactivated": ("AccountDeactivated", "Account is deactivated"),
            "takendown": ("AccountTakedown", "Account has been suspended"),
        }[current]


def not_found(uri: str) -> dict[str, Any]:
    """Give a notFoundPost."""
    return {"$type": f"{DEFS}#notFoundPost", "uri": uri, "notFound": True}


def _blocked(target: Post) -> dict[str, Any]:
    return {
        "$type": f"{DEFS}#blockedPost",
        "uri": target.native_id,
        "blocked": True,
        "author": {"did": target.author.native_id},
    }


def _image(post: Post, image: dict[str, Any]) -> dict[str, Any]:
    link = image["image"]["ref"]["$link"]
    path = f"plain/{post.author.native_id}/{link}@jpeg"
    return {
        "thumb": f"{CDN}/feed_thumbnail/{path}",
        "fullsize": f"{CDN}/feed_fullsize/{path}",
        "alt": image["alt"],
    }
