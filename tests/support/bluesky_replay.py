"""A loopback Bluesky that answers as recorded: AppView and Jetstream, for the real clients.

Recorded views are served by the methods that a pass asks: an account's feed is what the recordings
hold of it, a thread what was recorded of it. Recorded v1 events come in v2's frames.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from connectors.jetstream_wire import METHOD
from tests.support.appview_script import Ask, refused, scripted_appview
from tests.support.jetstream_script import scripted_jetstream

EVENTS: Final = ("jetstream_v1_kinds", "jetstream_v1_events")
POSTS: Final = "app.bsky.feed.post"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the recordings hold of Bluesky: answers' bodies, and the lines of events."""

    bodies: Sequence[Mapping[str, Any]] = field(repr=False)
    lines: Sequence[str] = field(repr=False)

    @property
    def views(self) -> dict[str, Any]:
        """Map every recorded post to its view; a thread's own root is among them."""
        threads = [body["thread"]["post"] for body in self.bodies if "thread" in body]
        listed = [post for body in self.bodies for post in body.get("posts", ())]
        fed = [entry["post"] for body in self.bodies for entry in body.get("feed", ())]
        return {post["uri"]: post for post in (*threads, *listed, *fed)}

    @property
    def authors(self) -> list[str]:
        """List the DIDs of whoever wrote a recorded view."""
        return sorted({view["author"]["did"] for view in self.views.values()})

    @property
    def for_signed_in_readers(self) -> set[str]:
        """List the DIDs of those who want signed-in readers only."""
        return {
            view["author"]["did"]
            for view in self.views.values()
            if "!no-unauthenticated" in {label["val"] for label in view["author"]["labels"]}
        }

    @property
    def events(self) -> list[dict[str, Any]]:
        """List the events."""
        return [json.loads(line) for line in self.lines]

    @property
    def written(self) -> list[dict[str, Any]]:
        """List the events that wrote a post."""
        wrote = {"collection": POSTS, "operation": "create"}
        return [e for e in self.events if wrote.items() <= e.get("commit", {}).items()]

    @property
    def written_views(self) -> dict[str, Any]:
        """Map what an event wrote to the view that its event alone can give."""
        uris = [f"at://{e['did']}/{POSTS}/{e['commit']['rkey']}" for e in self.written]
        return {
            uri: {"uri": uri, "author": {"did": e["did"]}, "record": e["commit"]["record"]}
            for uri, e in zip(uris, self.written, strict=True)
        }

    def answer(self, ask: Ask) -> Any:
        """Answer a call from the recorded views."""
        views = self.views
        if ask.method == "getPosts":
            return {"posts": [views[uri] for uri in ask.params["uris"] if uri in views]}
        if ask.method == "getAuthorFeed":
            own = [v for v in views.values() if v["author"]["did"] == ask.one("actor")]
            newest = sorted(own, key=lambda view: str(view["indexedAt"]), reverse=True)
            return {"feed": [{"post": view} for view in newest]}
        if ask.method == "getPostThread":
            view = (self.written_views | views).get(ask.one("uri") or "")
            kind = "app.bsky.feed.defs#threadViewPost"
            thread = {"$type": kind, "post": view, "replies": []}
            return {"thread": thread} if view else refused(400, "NotFound")
        if ask.method == "getProfiles":
            people = {view["author"]["did"]: view["author"] for view in views.values()}
            return {"profiles": [people[did] for did in ask.params["actors"] if did in people]}
        raise KeyError(ask.method)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the two services answer."""

    appview: str
    jetstream: str


def read_recorded(folder: Path) -> Recorded:
    """Read the recordings of Bluesky below `folder`."""
    bodies = [json.loads(path.read_text("utf-8"))["body"] for path in (folder / "api").glob("*")]
    lines = [
        line for name in EVENTS for line in (folder / f"{name}.jsonl").read_text().splitlines()
    ]
    return Recorded(bodies, lines)


@contextmanager
def replaying_bluesky(recorded: Recorded) -> Iterator[Places]:
    """Serve the AppView's answers, and the events to the first connection of two."""
    frames = [as_v2(line, seq) for seq, line in enumerate(recorded.lines, start=1)]
    with scripted_appview(recorded.answer) as appview, scripted_jetstream(frames, []) as stream:
        yield Places(appview.url, stream.url)


def as_v2(line: str, seq: int) -> str:
    """Frame a recorded v1 event as v2 does: the same commit, another envelope."""
    event = json.loads(line)
    kind = event["kind"]
    time = datetime.fromtimestamp(event["time_us"] // 10**6, UTC).replace(
        microsecond=event["time_us"] % 10**6
    )
    body = event["commit"] if kind == "commit" else {kind: event[kind]}
    at = time.isoformat(timespec="microseconds").replace("+00:00", "Z")
    head = {"$type": f"{METHOD}#{kind}", "seq": seq, "did": event["did"]}
    return json.dumps(
        {"$type": "message", "payload": head | {"time": at, "witnessedAt": at} | body}
    )
