"""A Bluesky log-in, kept: one session for all processes, renewed and never asked for in haste.

An account may log in 30 times in 5 minutes and 300 times a day (bsky-docs, rate-limits), so the
session string lies in a 0600 file outside the study and is used by whoever signs in next. It holds
two tokens that renew each other: whoever renews them holds the file's lock, so no two processes
log in or renew at once. How often we logged in is written beside it, refused log-ins too. Units:
Unix seconds.
"""

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from atproto import Client, exceptions
from atproto_client.client.session import Session
from filelock import FileLock, Timeout

from connectors.bluesky_call import hush
from connectors.bluesky_errors import error_name, refusal, status_of
from connectors.bluesky_requests import BudgetedRequest
from connectors.budget import Budget
from schema.errors import CredentialMissing, SourceUnavailable

LOGINS_PER_DAY: Final = 20  # far below the platform's 300: a loop must not lock an account out
DAY_SECONDS: Final = 86_400.0
LOCK_SECONDS: Final = 120.0
_EXPIRED: Final = frozenset({"ExpiredToken", "InvalidToken"})


@dataclass(frozen=True, slots=True)
class BlueskyCredentials:
    """As whom Bluesky is asked, and the server that knows the account. The names never show."""

    handle: str = field(repr=False)
    password: str = field(repr=False)
    pds: str


@dataclass(slots=True)
class _Kept:
    """What the file holds."""

    session: str | None = field(default=None, repr=False)
    logins: list[float] = field(default_factory=list)


def sign_in(
    credentials: BlueskyCredentials, path: Path, budget: Budget | None = None, **settings: Any
) -> Client:
    """Open a client that is signed in, by the session kept at `path` where there is one.

    What it reads is passed on to the AppView by the account's own server.

    Raises:
        CredentialMissing: the server does not accept handle and password.
        SourceUnavailable: it cannot be asked now, or we logged in too often today.
    """
    hush()
    request = BudgetedRequest(budget=budget, **settings)
    client = KeptClient(credentials, path, request)
    weakref.finalize(client, request.close)
    client.begin()
    return client


class KeptClient(Client):  # type: ignore[misc]  # the SDK has no types
    """The SDK's client, whose session outlives it."""

    def __init__(
        self, credentials: BlueskyCredentials, path: Path, request: BudgetedRequest
    ) -> None:
        """Ask as `credentials` say; nothing is sent yet."""
        super().__init__(base_url=credentials.pds, request=request)
        self._credentials = credentials
        self._path = path

    def begin(self) -> None:
        """Take the kept session, or log in once."""
        with self._locked() as kept:
            if not self._take(kept):
                self._log_in(kept)

    def _invoke(self, invoke_type: Any, **kwargs: Any) -> Any:
        """Call; where the server says that a token expired before its time, renew it and call."""
        try:
            return super()._invoke(invoke_type, **kwargs)
        except exceptions.RequestErrorBase as error:
            if kwargs.get("ignore_session_check") or error_name(error) not in _EXPIRED:
                raise
        with self._refresh_lock:
            self._refresh_and_set_session()
        return super()._invoke(invoke_type, **kwargs)

    def _refresh_and_set_session(self) -> Any:
        """Renew the tokens, unless another process did so meanwhile; log in where they died."""
        with self._locked() as kept:
            if kept.session != self.export_session_string() and self._take(kept):
                return None
            try:
                super()._refresh_and_set_session()
            except exceptions.RequestErrorBase as error:
                if error_name(error) not in _EXPIRED and status_of(error) != 401:
                    raise
                self._log_in(kept)
            kept.session = self.export_session_string()
        return None

    def _take(self, kept: _Kept) -> bool:
        """Use a kept session; False where there is none, or it is no session of this client's."""
        if kept.session is None:
            return False
        try:
            is_whole = bool(Session.decode(kept.session).access_jwt_payload.exp)
        except Exception:  # half a file, or tokens that are none
            return False
        if is_whole:
            self.login(session_string=kept.session, fetch_bsky_profile=False)
        return is_whole

    def _log_in(self, kept: _Kept) -> None:
        now = time.time()
        kept.logins = [at for at in kept.logins if now - DAY_SECONDS < at <= now]
        if len(kept.logins) >= LOGINS_PER_DAY:
            wait_seconds = kept.logins[0] + DAY_SECONDS - now
            raise SourceUnavailable(
                f"Bluesky: {LOGINS_PER_DAY} log-ins in a day are as many as Confide makes: "
                f"see why the session does not last, and run again in {wait_seconds / 3600:.0f} h",
                retry_after_seconds=wait_seconds,
            )
        kept.logins.append(now)
        _write(self._path, kept)  # whatever comes of it, it counts
        self._session_dispatcher.set_session(None)
        self.update_base_url(self._credentials.pds)
        names = (self._credentials.handle, self._credentials.password)
        try:
            self.login(*names, fetch_bsky_profile=False)
        except Exception as error:
            raise _login_refused(error) from None  # its text may hold a name
        kept.session = self.export_session_string()

    @contextmanager
    def _locked(self) -> Iterator[_Kept]:
        """Hold the file alone; what changed is written at the end."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(f"{self._path}.lock", timeout=LOCK_SECONDS, mode=0o600):
                kept = _read(self._path)
                before = kept.session
                yield kept
                if kept.session != before:
                    _write(self._path, kept)
        except Timeout:
            raise SourceUnavailable(
                "Bluesky: another process has been signing in for two minutes: try again later"
            ) from None


def _login_refused(error: Exception) -> Exception:
    if status_of(error) in (400, 401) and error_name(error) != "AccountTakedown":
        needs_code = error_name(error) == "AuthFactorTokenRequired"
        remedy = (
            "it asks for a code by e-mail: use an app password"
            if needs_code
            else ("check them; an app password is made in the account's settings")
        )
        return CredentialMissing(
            f"Bluesky does not accept CONFIDE_BLUESKY_HANDLE and CONFIDE_BLUESKY_PASSWORD: {remedy}"
        )
    return refusal(error, source="log-in")


def _read(path: Path) -> _Kept:
    """Read the file; one that is missing or damaged is as good as none."""
    try:
        found = orjson.loads(path.read_bytes())
        return _Kept(found["session"], [float(at) for at in found["logins"]])
    except (OSError, ValueError, KeyError, TypeError):
        return _Kept()


def _write(path: Path, kept: _Kept) -> None:
    """Put the file in place at once, private from its first moment."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    file = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(orjson.dumps({"session": kept.session, "logins": kept.logins}))
    os.replace(fresh, path)
