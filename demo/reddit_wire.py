"""Reddit's JSON of the invented community, key for key as oauth.reddit.com sends it (2026).

Source: recorded answers of April 2026 (submissions) and June 2025 (comments). Keys that only a
moderator sees are absent, as for any reader.
"""

import html
import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

from demo.history import counts, end, status, wording
from demo.model import MISSING, Community, Person, Post, Venue

SITE: Final = "https://www.reddit.com"
DELETED: Final = "[deleted]"
REMOVED: Final = "[removed]"

_KEYS: Final = tomllib.loads(
    resources.files("demo").joinpath("reddit_keys.toml").read_text(encoding="utf-8")
)


def submission(
    community: Community, post: Post, now: datetime, *, in_comments: bool = False
) -> dict[str, Any]:
    """Give a submission's data as of `now`; `in_comments` adds what its own page adds."""
    venue = venue_of(community, post)
    seen = counts(community, post, now)
    identifier = post.native_id.removeprefix("t3_")
    permalink = f"/r/{venue.name}/comments/{identifier}/{slug(post.title or '')}/"
    text = wording(post, now).text
    data = {
        **_common(community, post, venue, now),
        **dict.fromkeys(_KEYS["submission"]["null"]),
        **dict.fromkeys(_KEYS["submission"]["false"], False),
        **_link(community, post, permalink, now),
        "is_crosspostable": True,
        "is_robot_indexable": True,
        "link_flair_background_color": "#7193ff" if post.flair else "",
        "link_flair_richtext": [{"e": "text", "t": post.flair}] if post.flair else [],
        "link_flair_text": post.flair,
        "link_flair_text_color": "light" if post.flair else "dark",
        "link_flair_type": "richtext" if post.flair else "text",
        "media_embed": {},
        "num_comments": seen.replies,
        "num_crossposts": seen.crossposts,
        "over_18": venue.state == "nsfw",
        "permalink": permalink,
        "pwls": 6,
        "quarantine": venue.state == "quarantined",
        "secure_media_embed": {},
        "selftext": text,
        "selftext_html": markdown(text) if text else None,
        "subreddit_subscribers": venue.subscribers,
        "thumbnail": "self",
        "title": post.title,
        "upvote_ratio": post.reach.upvote_ratio,
        "wls": 6,
    }
    if in_comments:
        data["num_duplicates"] = seen.crossposts
    return _distorted(post, _after_the_end(post, data, now, text_key="selftext"))


def comment(
    community: Community, post: Post, now: datetime, *, depth: int | None
) -> dict[str, Any]:
    """Give a comment's data as of `now`, its `replies` empty; None leaves the depth out."""
    venue = venue_of(community, post)
    root = community.by_id[post.root_id]
    text = wording(post, now).text
    identifier = post.native_id.removeprefix("t1_")
    link = f"/r/{venue.name}/comments/{post.root_id.removeprefix('t3_')}"
    data = {
        **_common(community, post, venue, now),
        **dict.fromkeys(_KEYS["comment"]["null"]),
        "body": text,
        "body_html": markdown(text, off=False),
        "collapsed": False,
        "controversiality": 0,
        "is_submitter": post.author == root.author,
        "link_id": post.root_id,
        "parent_id": post.parent_id,
        "permalink": f"{link}/{slug(root.title or '')}/{identifier}/",
        "replies": "",
        "score_hidden": False,
    }
    if depth is not None:
        data["depth"] = depth
    return _distorted(post, _after_the_end(post, data, now, text_key="body"))


def _common(community: Community, post: Post, venue: Venue, now: datetime) -> dict[str, Any]:
    created = float(int(post.created_at.timestamp()))
    current = wording(post, now)
    score = counts(community, post, now).likes
    data: dict[str, Any] = {
        **dict.fromkeys(_KEYS["both"]["null"]),
        **dict.fromkeys(_KEYS["both"]["false"], False),
        **{key: [] for key in _KEYS["both"]["lists"]},
        "author": post.author.name,
        "author_flair_type": "text",
        "author_fullname": post.author.native_id,
        "created": created,
        "created_utc": created,
        "downs": 0,
        "gilded": 0,
        "gildings": {},
        "id": post.native_id[3:],
        "name": post.native_id,
        "score": score,
        "send_replies": True,
        "subreddit": venue.name,
        "subreddit_id": venue.native_id,
        "subreddit_name_prefixed": f"r/{venue.name}",
        "subreddit_type": "private" if venue.state == "private" else "public",
        "total_awards_received": 0,
        "ups": score,
    }
    if current.at > post.created_at:
        data["edited"] = float(int(current.at.timestamp()))
    if status(post.author, now) == "deleted":
        _forget_author(data)
    return data


def _link(community: Community, post: Post, permalink: str, now: datetime) -> dict[str, Any]:
    """Say what a submission points at: its own text, a page, or another submission."""
    if post.crosspost_of is not None:
        original = community.by_id[post.crosspost_of]
        parent = submission(community, original, now)
        return {
            "is_self": False,
            "domain": f"self.{original.venue}",
            "url": parent["permalink"],
            "url_overridden_by_dest": parent["permalink"],
            "crosspost_parent": original.native_id,
            "crosspost_parent_list": [parent],
        }
    if post.link is not None and post.link.startswith("https://") and post.flair is None:
        host = urlsplit(post.link).hostname or ""
        return {
            "is_self": False,
            "domain": host.removeprefix("www."),
            "url": post.link,
            "url_overridden_by_dest": post.link,
            "post_hint": "link",
        }
    return {"is_self": True, "domain": f"self.{post.venue}", "url": SITE + permalink}


def _after_the_end(
    post: Post, data: dict[str, Any], now: datetime, *, text_key: str
) -> dict[str, Any]:
    """Blank what its author or a moderator took away."""
    gone = end(post, now)
    if gone is None:
        return data
    is_comment = text_key == "body"
    mark = DELETED if gone.fate == "deleted_by_author" else REMOVED
    data |= {text_key: mark, f"{text_key}_html": markdown(mark, off=not is_comment)}
    if is_comment:
        data |= {"collapsed": True, "collapsed_reason_code": "DELETED"}
    else:
        category = "deleted" if mark == DELETED else "moderator"
        data |= {"removed_by_category": category, "is_robot_indexable": False}
    if mark == DELETED or is_comment:
        _forget_author(data)
    return data


def _forget_author(data: dict[str, Any]) -> None:
    data["author"] = DELETED
    for key in _KEYS["deleted_author"]["absent"]:
        data.pop(key, None)


def _distorted(post: Post, data: dict[str, Any]) -> dict[str, Any]:
    for key, value in post.distortions.items():
        if value == MISSING:
            data.pop(key, None)
        else:
            data[key] = value
    return data


def about_its_submission(community: Community, post: Post, now: datetime) -> dict[str, Any]:
    """Give what a comment that is listed apart from its tree says of its submission."""
    root = community.by_id[post.root_id]
    venue = venue_of(community, root)
    permalink = f"{SITE}/r/{venue.name}/comments/{root.native_id[3:]}/{slug(root.title or '')}/"
    is_gone = end(root, now) is not None or status(root.author, now) == "deleted"
    return {
        "link_author": DELETED if is_gone else root.author.name,
        "link_permalink": permalink,
        "link_title": root.title,
        "link_url": permalink,
        "num_comments": counts(community, root, now).replies,
        "over_18": venue.state == "nsfw",
        "quarantine": venue.state == "quarantined",
    }


def account(person: Person, now: datetime) -> dict[str, Any]:
    """Give an account's `about`, as far as collectors read it; a suspended one says little."""
    if status(person, now) != "active":
        return {"name": person.name, "is_suspended": True, "awardee_karma": 0}
    created = person.created_at.timestamp()
    return {
        "name": person.name,
        "id": person.native_id.removeprefix("t2_"),
        "created_utc": float(int(created)),
        "is_employee": False,
        "is_mod": False,
        "verified": True,
    }


def subreddit(venue: Venue, now: datetime) -> dict[str, Any]:
    """Give a subreddit's `about`, as far as collectors read it."""
    return {
        "accounts_active": venue.subscribers // 400,
        "created_utc": 1_500_000_000.0,
        "description": venue.title,
        "display_name": venue.name,
        "display_name_prefixed": f"r/{venue.name}",
        "id": venue.native_id.removeprefix("t5_"),
        "lang": "en",
        "name": venue.native_id,
        "over18": venue.state == "nsfw",
        "public_description": venue.title,
        "quarantine": venue.state == "quarantined",
        "subreddit_type": "private" if venue.state == "private" else "public",
        "subscribers": venue.subscribers,
        "title": venue.title,
        "url": f"/r/{venue.name}/",
        "wiki_enabled": True,
    }


def listing(
    children: Sequence[Mapping[str, Any]], *, after: str | None = None, dist: int | None = None
) -> dict[str, Any]:
    """Wrap things as a Listing."""
    return {
        "kind": "Listing",
        "data": {
            "after": after,
            "dist": dist,
            "modhash": None,
            "geo_filter": "",
            "children": list(children),
            "before": None,
        },
    }


def thing(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap data as a thing: t1, t3, t5 or more."""
    return {"kind": kind, "data": data}


def venue_of(community: Community, post: Post) -> Venue:
    """Give the subreddit a post stands in."""
    return next(venue for venue in community.venues if venue.name == post.venue)


def slug(title: str) -> str:
    """Give the part of an address that repeats a title."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:50] or "_"


def markdown(text: str, *, off: bool = True) -> str:
    """Render plain text as Reddit's HTML; `off` puts the marks round a submission's text."""
    paragraphs = "\n\n".join(
        f"<p>{html.escape(part, quote=False)}</p>" for part in text.split("\n\n")
    )
    body = f'<div class="md">{paragraphs}\n</div>'
    return f"<!-- SC_OFF -->{body}<!-- SC_ON -->" if off else body


def escaped(value: Any) -> Any:
    """Escape &, < and > in every string, as Reddit does unless `raw_json=1` is asked."""
    if isinstance(value, str):
        return html.escape(value, quote=False)
    if isinstance(value, dict):
        return {key: escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [escaped(inner) for inner in value]
    return value
