"""Where a Bluesky account is at home: what its own server says of it and of its records.

Source: the account's DID document (PLC directory, or the account's web site), then
`getRepoStatus` and `getRecord` of the personal data server it names. Limits: a server that
cannot be reached says nothing, and a status then stays as it was (atproto.com/specs/account).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import httpx
from atproto import Client, exceptions, models
from atproto_client.models.base import ParamsModelBase

from connectors.atproto_syntax import RecordUri
from connectors.bluesky_call import connect
from connectors.bluesky_directory import document_address, server_in
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
        is_local = is_loopback(self.directory)
        address = document_address(self.directory, did, is_local=is_local)
        if address is None or self.questions_count >= QUESTIONS_MAX:
            return None
        self.questions_count += 1
        try:
            answer = httpx.get(address, timeout=TIMEOUT_SECONDS)
            if did.startswith("did:plc:") and answer.status_code == 410:
                self._tombstones.add(did)
            document = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None
        return server_in(document, did, is_local=is_local)
