"""What goes from a demo study by six routes, and the traces that it must not leave.

Posts are chosen before anybody collects them: every few of each platform's come to an end while
the study is under way.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from demo.model import Community, Gone, Person, Post
from flows.workspace import Workspace
from schema.vocabulary import PLATFORMS, Platform
from tests.support.scanner import Names
from transforms.pseudonymize import author_pseudonyms, post_keys

LATER: Final = datetime(2026, 4, 2, 12, tzinfo=UTC)
LAST: Final = datetime(2026, 5, 2, 12, tzinfo=UTC)  # what was read until February may not be kept
TEXT_MONTHS: Final = 3
POLICY: Final = f"[policy]\ntext_months = {TEXT_MONTHS}\n"
DUMPS: Final = """
[[source]]
name = "dumps"
kind = "reddit_archive"
permission = { reference = "invented", covers = "invented posts", expires = 2026-12-31 }
"""
ROUTES: Final = ("refresh", "stream", "archive", "forget", "opt-out", "retention")
RUNS: Final = 2  # of eight words, looked for of each text


def fated(community: Community) -> Community:
    """Let every few posts be deleted an hour before `LATER`; of Bluesky's half are ever held."""
    end = Gone(LATER - timedelta(hours=1), "deleted_by_author")
    going = [*plain(community, "reddit")[::6], *plain(community, "bluesky")[::3]]
    chosen = {post.native_id for post in going}
    posts = tuple(
        replace(post, gone=end) if post.native_id in chosen else post for post in community.posts
    )
    return replace(community, posts=posts)


def archived(community: Community) -> list[Post]:
    """Choose the posts of which a dump will tell that they went; their platform shows them on."""
    return plain(community, "reddit")[::6]


def plain(community: Community, platform: Platform) -> list[Post]:
    return [post for post in community.posts if post.platform == platform and is_plain(post)]


def is_plain(post: Post) -> bool:
    """Tell whether a post stands as it was written, and its author with it."""
    is_odd = bool(post.distortions) or post.claimed_at is not None or len(post.wordings) > 1
    return post.gone is None and not is_odd and not post.author.changes


def write_dump(path: Path, posts: Iterable[Post], *, at: datetime, is_gone: bool = False) -> Path:
    """Write a dump of Reddit's posts, as they stood at an instant or as they went."""
    path.write_text("".join(json.dumps(_row(p, at, is_gone)) + "\n" for p in posts), "utf-8")
    return path


def _row(post: Post, at: datetime, is_gone: bool) -> dict[str, Any]:
    told = "[deleted]" if is_gone else None
    common = {
        "id": post.native_id[3:],
        "name": post.native_id,
        "author": told or post.author.name,
        "created_utc": int(post.created_at.timestamp()),
        "subreddit": post.venue,
        "score": 3,
        "retrieved_on": int(at.timestamp()),
    }
    if post.is_root:
        words = {"title": told or post.title, "selftext": told or post.text}
        return common | words | {"num_comments": 0, "over_18": False, "is_self": True}
    return common | {
        "body": told or post.text,
        "link_id": post.root_id,
        "parent_id": post.parent_id,
    }


@dataclass(frozen=True)
class Going:
    """What goes by a route: posts, and whether their words alone; accounts, with all of theirs."""

    posts: tuple[Post, ...] = ()
    people: tuple[Person, ...] = ()
    is_text_alone: bool = False


def account(person: Person) -> str:
    """Name an account as its platform does."""
    return person.name if person.platform == "reddit" else person.native_id


def traces(
    workspace: Workspace, going: Mapping[str, Going], others: Iterable[str]
) -> tuple[Names, list[str]]:
    """List keys, pseudonyms and runs of eight words that nobody else wrote; and each's route."""
    theirs = {run for text in others for run in runs(text)}
    values, routes = list[str](), list[str]()
    for route, gone in going.items():
        found = list[str]()
        for post in gone.posts:
            own = [run for run in runs(post.text) if run not in theirs][:RUNS]
            theirs |= set(own)  # of words that go by two routes the first is enough
            found += own
        for platform in PLATFORMS:
            key = workspace.key.pseudonym_key(platform)
            ids = [p.native_id for p in gone.posts if p.platform == platform]
            if not gone.is_text_alone:
                found += [f"{one:016x}" for one in post_keys(platform, ids, key=key)]
            named = [account(person) for person in gone.people if person.platform == platform]
            found += author_pseudonyms(platform, named, key=key)
        values += found
        routes += [route] * len(found)
    return Names(tuple(values)), routes


def runs(text: str) -> list[str]:
    """Cut a text's lines into runs of eight words, letters alone."""
    lines = [line.split() for line in text.splitlines()]
    every = [" ".join(line[n : n + 8]) for line in lines for n in range(len(line) - 7)]
    return [run for run in every if run.replace(" ", "").isalpha()]
