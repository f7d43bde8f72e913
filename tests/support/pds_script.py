"""An account's server that logs in, renews tokens and passes readings on, as a test tells it."""

import base64
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.serve import serving

HANDLE: Final = "reader-of-skies.invented.example"
PASSWORD: Final = "wint-erbl-umen-zwei"
DID: Final = "did:plc:reader0f5k1es0f1nvented0"
TWO_HOURS: Final = 7200.0
NINETY_DAYS: Final = 90 * 86_400.0


@dataclass(slots=True)
class ScriptedPds:
    """Its address; how long its tokens live; what it was asked, by method.

    `raw`: answers that want no log-in, by method. `documents`: of accounts, as a directory's.
    """

    url: str = ""
    access_seconds: float = TWO_HOURS
    asked: Counter[str] = field(default_factory=Counter)
    revoked: set[str] = field(default_factory=set)
    login_error: tuple[int, str] | None = None
    reads: Callable[[Request], Any] = lambda _: {"posts": []}
    raw: dict[str, Response] = field(default_factory=dict)
    documents: dict[str, Any] = field(default_factory=dict)
    queries: defaultdict[str, list[dict[str, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _number: int = 0
    _lock: Lock = field(default_factory=Lock)

    def answer(self, method: str, request: Request, body: bytes) -> Response:
        """Answer a call."""
        with self._lock:
            self.asked[method] += 1
            self.queries[method].append(dict(request.query_params))
            if method in self.raw:
                return self.raw[method]
            if method == "createSession":
                return self._log_in(body)
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            kind = "refresh" if method == "refreshSession" else "access"
            if not token or token in self.revoked or _told(token)["kind"] != kind:
                return _refused(400, "ExpiredToken")
            return self._tokens() if kind == "refresh" else _json(self.reads(request))

    def revoke(self) -> None:
        """Let every token die that was given out so far."""
        with self._lock:
            tokens = range(1, self._number + 1)
            self.revoked |= {self._token(k, n) for n in tokens for k in ("access", "refresh")}

    def _log_in(self, body: bytes) -> Response:
        if self.login_error is not None:
            return _refused(*self.login_error)
        given = orjson.loads(body)
        if (given["identifier"], given["password"]) != (HANDLE, PASSWORD):
            return _refused(401, "AuthenticationRequired")
        return self._tokens()

    def _tokens(self) -> Response:
        self._number += 1
        return _json(
            {
                "accessJwt": self._token("access", self._number),
                "refreshJwt": self._token("refresh", self._number),
                "handle": HANDLE,
                "did": DID,
            }
        )

    def _token(self, kind: str, number: int) -> str:
        seconds = self.access_seconds if kind == "access" else NINETY_DAYS
        claims = {"kind": kind, "sub": DID, "exp": int(STARTED + seconds), "n": number}
        return ".".join(map(_encoded, ({"alg": "HS256"}, claims, {"n": number})))


STARTED: Final = time.time()


@contextmanager
def scripted_pds() -> Iterator[ScriptedPds]:
    """Serve a PDS whose test may change it while it runs."""
    pds = ScriptedPds()

    async def reply(request: Request) -> Response:
        method = request.path_params["method"].rpartition(".")[2]
        return pds.answer(method, request, await request.body())

    async def document(request: Request) -> Response:
        told = pds.documents.get(request.path_params["did"])
        return _refused(404, "NotFound") if told is None else _json(told)

    routes = [
        Route("/xrpc/{method}", reply, methods=["GET", "POST"]),
        Route("/{did}", document),
    ]
    with serving(Starlette(routes=routes)) as pds.url:
        yield pds


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


def _refused(status: int, name: str) -> Response:
    return _json({"error": name, "message": f"no {HANDLE} with {PASSWORD}"}, status)


def _encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=")


def _told(token: str) -> dict[str, Any]:
    middle = token.split(".")[1]
    claims: dict[str, Any] = orjson.loads(
        base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))
    )
    return claims
