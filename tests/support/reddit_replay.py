"""A loopback Reddit that answers as recorded, for the real praw.

One folder is one recording: a JSON file per HTTP interaction, in order. A request is matched by
method, path, query and form, less what Reddit itself does not tell apart; the same request asked
again gets the next recorded answer, then the last one. Comments asked for by id that were recorded
elsewhere in the folder are given as /api/info gives them. The rest is a 404 that is counted.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN_PATH = "/api/v1/access_token"
INFO_PATH = "/api/info"
_IGNORED = {"raw_json", "api_type", "context", "sort", "t"}
_KEPT_HEADERS = ("content-type", "location", "retry-after", "www-authenticate", "x-ratelimit-")
_TOKEN = {"access_token": "replayed", "token_type": "bearer", "expires_in": 3600, "scope": "*"}

Key = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Replay:
    """What was recorded and what was asked. `url` serves both of praw's base addresses."""

    interactions: Sequence[Mapping[str, Any]] = field(repr=False)
    stand_ins: Mapping[str, str]
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    unrecorded_count: int = 0
    _turns: Counter[Key] = field(default_factory=Counter, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def requests_count(self) -> int:
        """How many requests came in, those for a token aside."""
        return self.asked.total() - self.asked[TOKEN_PATH]

    def answer(
        self, method: str, path: str, query: Mapping[str, str], form: Mapping[str, str]
    ) -> Mapping[str, Any]:
        """Find the recorded answer to a request."""
        path = path.rstrip("/") or "/"
        with self._lock:
            self.asked[path] += 1
            asked = self.stand_ins.get(path, path)
            key = _key(method, asked, {**query, **form})
            found = self._recorded()[key]
            if not found and path == TOKEN_PATH:
                found = self._recorded_tokens()
            if not found and path in self.stand_ins and "after" not in query:
                found = [one for one in self.interactions if _path(one) == asked]
            if not found and path == INFO_PATH:
                found = self._by_id(query.get("id", ""))
            if not found:
                self.unrecorded_count += 1
                return {"status": 404, "headers": {}, "body_kind": "json", "body": {"error": 404}}
            turn = self._turns[key]
            self._turns[key] += 1
            return found[min(turn, len(found) - 1)]

    def _recorded(self) -> defaultdict[Key, list[Mapping[str, Any]]]:
        by_key: defaultdict[Key, list[Mapping[str, Any]]] = defaultdict(list)
        for one in self.interactions:
            parameters = {**one["query"], **(one["form"] or {})}
            by_key[_key(one["method"], _path(one), parameters)].append(one)
        return by_key

    def _recorded_tokens(self) -> list[Mapping[str, Any]]:
        """Give any recorded token: the recordings were made with other grants than ours."""
        recorded = [one for one in self.interactions if _path(one) == TOKEN_PATH]
        return recorded or [{"status": 200, "headers": {}, "body_kind": "json", "body": _TOKEN}]

    def _by_id(self, names: str) -> list[Mapping[str, Any]]:
        """Put recorded comments in one answer, without the replies they were shown with."""
        known = self.things("t1")
        data = [{**known[name], "replies": ""} for name in names.split(",") if name in known]
        body = {"kind": "Listing", "data": {"children": [_thing(one) for one in data]}}
        answer = {"status": 200, "headers": {}, "body_kind": "json", "body": body}
        return [answer] if data else []

    def things(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Map the full name of every recorded thing of a kind to its data."""
        found: dict[str, Mapping[str, Any]] = {}
        waiting: list[Any] = [one["body"] for one in self.interactions]
        while waiting:
            value = waiting.pop()
            if isinstance(value, Mapping):
                if value.get("kind") == kind and isinstance(value.get("data"), Mapping):
                    found[value["data"]["name"]] = value["data"]
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return found


@contextmanager
def replaying(folder: Path, *, stand_ins: Mapping[str, str] | None = None) -> Iterator[Replay]:
    """Serve a recording on loopback; `stand_ins` maps a path that is asked to a recorded one."""
    with answering(Replay(recorded(folder), stand_ins or {})) as replay:
        yield replay


def recorded(folder: Path) -> list[Mapping[str, Any]]:
    """Read a recording's interactions, in order."""
    return [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]


@contextmanager
def answering(replay: Replay) -> Iterator[Replay]:
    """Serve interactions on loopback, of one recording or of several."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(replay))
    replay.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(replay: Replay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: object) -> None:
            """Keep still: a path names a post."""

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            form = dict(parse_qsl(self.rfile.read(length).decode()))
            one = replay.answer(self.command, parts.path, dict(parse_qsl(parts.query)), form)
            body = _encoded(one)
            self.send_response(one["status"])
            for name, value in one["headers"].items():
                if name.startswith(_KEPT_HEADERS):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _encoded(one: Mapping[str, Any]) -> bytes:
    if one["body_kind"] == "json":
        return json.dumps(one["body"]).encode()
    return str(one["body"] or "").encode()


def _thing(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "t1", "data": data}


def _path(one: Mapping[str, Any]) -> str:
    return str(one["path"]).rstrip("/") or "/"


def _key(method: str, path: str, parameters: Mapping[str, str]) -> Key:
    """Reduce a request to what Reddit tells apart: it shows a hundred items at most."""
    kept = {name: value for name, value in parameters.items() if name not in _IGNORED}
    if kept.get("limit", "").isdigit() and not path.startswith("/comments/"):
        kept["limit"] = str(min(int(kept["limit"]), 100))
    return method, path, tuple(sorted(kept.items()))
