"""Where a Bluesky account is at home: what its own server says of it and of its records.

Source: the account's DID document (PLC directory, or the account's web site), then
`getRepoStatus` and `getRecord` of the personal data server it names. Limits: a server that
cannot be reached says nothing, and a status then stays as it was (atproto.com/specs/account).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx
from atproto import Client, exceptions, models
from atproto_client.models.base import ParamsModelBase

from connectors.atproto_syntax import RecordUri
from connectors.bluesky_call import connect
from schema.study import is_loopback
from schema.vocabulary import AccountStatus

TIMEOUT_SECONDS: Final = 10.0
QUESTIONS_MAX: Final = 500  # of one pass: a person's server is no archive

RecordFate = Literal["stands", "gone", "unknown"]
AccountFate = AccountStatus | Literal["deleted", "unknown"]

_STATUSES: dict[object, AccountFate] = {
    "deactivated": "deactivated",
    "suspended": "suspended",
    "takendown": "takendown",
    "deleted": "deleted",
}


@dataclass(slots=True)
class Home:
    """Asks accounts' own servers. Remembers where accounts live, for one pass."""

    directory: str
    questions_count: int = 0
    _homes: dict[str, str | None] = field(default_factory=dict, repr=False)
    _clients: dict[str, Client] = field(default_factory=dict, repr=False)
    _tombstones: set[str] = field(default_factory=set, repr=False)

    def record(self, uri: RecordUri) -> RecordFate:
        """Tell whether a record stands in its author's repository."""
        return self.read(uri)[0]

    def read(self, uri: RecordUri) -> tuple[RecordFate, object]:
        """Tell whether a record stands in its author's repository, and what it holds."""
        params = models.ComAtprotoRepoGetRecord.Params(
            repo=uri.did, collection=uri.collection, rkey=uri.rkey
        )
        answer, error = self._ask(uri.did, "com.atproto.repo.getRecord", params)
        if answer is not None:
            return "stands", answer.get("value")
        return ("gone" if error == "RecordNotFound" else "unknown"), None

    def account(self, did: str) -> AccountFate:
        """Tell how an account stands at its own server."""
        params = models.ComAtprotoSyncGetRepoStatus.Params(did=did)
        answer, error = self._ask(did, "com.atproto.sync.getRepoStatus", params)
        if did in self._tombstones or error == "RepoNotFound":
            return "deleted"
        if answer is None:
            return "unknown"
        if answer.get("active") is True:
            return "active"
        status = answer.get("status")
        return _STATUSES.get(status if isinstance(status, str) else None, "inactive")

    def _ask(
        self, did: str, method: str, params: ParamsModelBase
    ) -> tuple[Mapping[str, Any] | None, str]:
        """Return a server's answer, or its error's name; neither where nobody answers."""
        server = self._home(did)
        if server is None or self.questions_count >= QUESTIONS_MAX:
            return None, ""
        self.questions_count += 1
        client = self._clients.setdefault(server, connect(server))
        try:
            content = client.invoke_query(method, params=params).content
        except exceptions.BadRequestError as error:
            return None, str(getattr(getattr(error.response, "content", None), "error", ""))
        except Exception:  # whatever else a stranger's server does says nothing of the account
            return None, ""
        return (content, "") if isinstance(content, Mapping) else (None, "")

    def _home(self, did: str) -> str | None:
        if did not in self._homes:
            self._homes[did] = self._resolve(did)
        return self._homes[did]

    def _resolve(self, did: str) -> str | None:
        """Find an account's server in its DID document."""
        method, _, name = did.removeprefix("did:").partition(":")
        address = f"{self.directory.rstrip('/')}/{did}"
        if method == "web" and ":" not in name and "%" not in name:
            address = f"https://{name}/.well-known/did.json"
        elif method != "plc":
            return None
        if self.questions_count >= QUESTIONS_MAX:
            return None
        self.questions_count += 1
        try:
            answer = httpx.get(address, timeout=TIMEOUT_SECONDS)
            if method == "plc" and answer.status_code == 410:
                self._tombstones.add(did)
            document = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None
        return self._server(document)

    def _server(self, document: object) -> str | None:
        """Take the server's address; only a directory on this machine may name one on it."""
        services = document.get("service") if isinstance(document, Mapping) else None
        for service in services if isinstance(services, list) else ():
            if not isinstance(service, Mapping):
                continue
            url = service.get("serviceEndpoint")
            if str(service.get("id")).endswith("#atproto_pds") and isinstance(url, str):
                is_safe = urlsplit(url).scheme == "https" and not is_loopback(url)
                return url if is_safe or is_loopback(self.directory) else None
        return None
