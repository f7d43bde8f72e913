"""A small invented Bluesky behind a scripted AppView: posts that answer and quote each other."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.support.appview_script import (
    DEFS,
    NOW,
    WRITER,
    Ask,
    ScriptedAppView,
    entry,
    node,
    refused,
    scripted_appview,
    uri,
    view,
)
from tests.support.passes import Passes, passes

MINUTE: Final = timedelta(minutes=1)
THREADS: Final = '[[source]]\nname = "threads"\nkind = "bluesky_thread"\n'
ACTS: Final = {"getLikes": "likes", "getRepostedBy": "repostedBy"}
PANEL: Final = '[[source]]\nname = "panel"\nkind = "bluesky_author"\nauthors_file = "{path}"\n'


def did(name: str) -> str:
    """Name an account: letters of its own, and no word that a text could hold."""
    return f"did:plc:{name:z<24}"


@dataclass(slots=True)
class Sky:
    """Posts by name; who blocks whom, what is gone, and what each page may hold.

    An account has a profile without a word in it, unless it stands in `profiles`. `acts` holds
    entries of getLikes and getRepostedBy, by method and post.
    """

    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    blocked: set[str] = field(default_factory=set)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    lists: dict[str, list[str]] = field(default_factory=dict)
    acts: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    page_size: int = 100
    appview: ScriptedAppView | None = None

    def write(
        self,
        name: str,
        *,
        by: str = WRITER,
        to: str | None = None,
        at: datetime | None = None,
        text: str | None = None,
        **more: Any,
    ) -> str:
        """Write a post; return its address."""
        made_at = at or NOW - timedelta(days=1) + MINUTE * len(self.posts)
        record = {"text": text or f"The kettle is on again, {name}", "langs": ["en"]}
        record |= more.pop("record", {})
        if to is not None:
            root = to
            while root in self.answers:
                root = self.answers[root]
            record["reply"] = {"root": {"uri": self.uri(root)}, "parent": {"uri": self.uri(to)}}
            self.answers[name] = to
        self.posts[name] = view(name, at=made_at, did=by, record=record, quoteCount=0, **more)
        return self.uri(name)

    def uri(self, name: str) -> str:
        """Address a post, also one that is gone."""
        return self.posts[name]["uri"] if name in self.posts else uri(name)

    def asked(self, method: str) -> int:
        """Count the calls of a method."""
        assert self.appview is not None
        return self.appview.count(method)

    def answer(self, ask: Ask) -> Any:
        """Answer a call."""
        if ask.method == "getPostThread":
            return self._thread(ask)
        if ask.method == "getPosts":
            return {"posts": [self._view(n) for u in ask.params["uris"] if (n := self._name(u))]}
        if ask.method == "getProfiles":
            known = {profile["did"]: profile for profile in self.profiles}
            return {"profiles": [known.get(one, {"did": one}) for one in ask.params["actors"]]}
        if ask.method in ACTS:
            acts = self.acts.get((ask.method, self._name(ask.one("uri") or "") or ""), [])
            return self._listed(ask, ACTS[ask.method], acts)
        return self._posts(ask)

    def _posts(self, ask: Ask) -> Any:
        """List posts."""
        names = self._names(ask)
        if names is None:
            return refused(400, "UnknownFeed")
        views = [self._view(name) for name in self._standing(names)]
        if ask.method in ("getQuotes", "searchPosts"):
            return self._listed(ask, "posts", views)
        return self._listed(ask, "feed", [entry(view) for view in views])

    def _names(self, ask: Ask) -> Iterable[str] | None:
        """Name the posts that a list holds; None: there is no such list."""
        if ask.method == "searchPosts":
            return self.posts
        if ask.method == "getAuthorFeed":
            actor = ask.one("actor")
            return [n for n, post in self.posts.items() if post["author"]["did"] == actor]
        if ask.method == "getQuotes":
            return self.lists.get(f"quotes {ask.one('uri')}", [])
        return self.lists.get(ask.one("feed") or ask.one("list") or "")

    def _listed(self, ask: Ask, key: str, items: list[Any]) -> Any:
        start = ask.number("cursor")
        size = min(ask.number("limit") or 50, self.page_size)
        more = {"cursor": str(start + size)} if start + size < len(items) else {}
        return {key: items[start : start + size]} | more

    def _standing(self, names: Iterable[str]) -> list[str]:
        return sorted(
            (n for n in names if n not in self.gone),
            key=lambda n: self.posts[n]["indexedAt"],
            reverse=True,
        )

    def _name(self, address: str) -> str | None:
        name = address.rpartition("/")[2]
        return name if name in self.posts and name not in self.gone else None

    def _view(self, name: str) -> dict[str, Any]:
        count = sum(parent == name and n not in self.gone for n, parent in self.answers.items())
        return {"replyCount": count} | self.posts[name] | {"replyCount": count}

    def _thread(self, ask: Ask) -> Any:
        name = self._name(ask.one("uri") or "")
        if name is None:
            return refused(400, "NotFound")
        below = self._below(name, ask.number("depth"))
        if name in self.answers and ask.number("parentHeight") > 0:
            below["parent"] = self._above(self.answers[name], ask.number("parentHeight"))
        return {"thread": below}

    def _below(self, name: str, levels: int) -> dict[str, Any]:
        if levels == 0:
            return node(self._view(name))
        replies = [n for n, parent in self.answers.items() if parent == name and self._shows(n)]
        return node(self._view(name), replies=[self._below(n, levels - 1) for n in replies])

    def _above(self, name: str, levels: int) -> dict[str, Any]:
        if name in self.blocked:
            return {"$type": f"{DEFS}#blockedPost", "uri": self.uri(name), "blocked": True}
        if not self._shows(name):
            return {"$type": f"{DEFS}#notFoundPost", "uri": self.uri(name), "notFound": True}
        above = node(self._view(name))
        if name in self.answers and levels > 1:
            above["parent"] = self._above(self.answers[name], levels - 1)
        return above

    def _shows(self, name: str) -> bool:
        return name in self.posts and name not in self.gone | self.blocked


@dataclass(slots=True)
class Under:
    """A study, and the sky it reads."""

    sky: Sky
    study: Passes

    def collect(self, *sources: str) -> dict[str, int]:
        """Read sources in turn; return the last one's counts."""
        return [self.study.collect(source) for source in sources][-1]

    def keys(self, *names: str) -> set[int]:
        """Give the keys of posts by name."""
        return self.study.keys([self.sky.uri(name) for name in names], platform="bluesky")

    def key(self, name: str) -> int:
        """Give a post's key."""
        [key] = self.keys(name)
        return key

    def held(self) -> set[int]:
        """Give the keys of what is held."""
        return set(self.study.held())

    def contexts(self) -> set[tuple[int, str, str]]:
        """Give what is said to be not shown."""
        frame = self.study.sql("select post_key, relation, state from thread_context")
        return set(frame.iter_rows())


@contextmanager
def under(
    folder: Path, sky: Sky, sources: str = "", *, panel: tuple[str, ...] = (WRITER,)
) -> Iterator[Under]:
    """Serve a sky and point a study below `folder` at it: a panel of accounts, then threads."""
    path = private_file(folder / "panel.dids", *panel)
    text = sources or PANEL.format(path=path) + THREADS
    with scripted_appview(sky.answer) as appview:
        sky.appview = appview
        yield Under(sky, passes(folder, bluesky=appview.url, now=NOW, sources=text))


def private_file(path: Path, *lines: str) -> Path:
    """Write a 0600 file outside every study."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines), "utf-8")
    return path
