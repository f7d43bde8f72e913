"""The wall between a fault and what gets written about it.

A library's exception may quote a post or a name. Inside a guarded function only our own
errors pass; any other becomes its type and place.
"""

import errno
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final, ParamSpec, TypeVar

from schema.errors import (
    CorpusError,
    DiskFull,
    ServerError,
    SourceUnavailable,
    UnexpectedFailure,
)

DISK_IS_FULL: Final = (
    "the disk is full: make room (`confide status` says what the study takes); the next run goes "
    "on from the last commit"
)
NO_SERVER: Final = (
    "Prefect's temporary server, which a verb brings along where no `confide up` runs, does not "
    "start: see whether the disk has room and whether var/prefect of the study can be written; if "
    "so move var/prefect away (it holds the history of runs, nothing else) and run this again"
)
SERVER_GONE: Final = (
    "Prefect's server does not answer any more: see that `confide up` runs, or the server that "
    "PREFECT_API_URL names; the next run goes on from the last commit"
)
_STARTS, _CLIENT = "/prefect/server/api/server.py", "/prefect/client/"
_NO_ANSWER: Final = ("httpx", "prefect.exceptions")
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DATABASES: Final = ("duckdb", "sqlite3")
NO_ROOM_WORDS: Final = (*(os.strerror(code) for code in sorted(NO_ROOM)), "disk is full")

Given = ParamSpec("Given")
Result = TypeVar("Result")


def guarded(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Let only sentences out of `work`: no value, no chained exception."""

    @wraps(work)
    def watched(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        try:
            return work(*args, **kwargs)
        except CorpusError:
            raise
        except Exception as error:
            failure = as_ours(error, doing=work.__name__)
        raise failure  # outside the handler: the original must not travel along

    return watched


def as_ours(error: BaseException, *, doing: str) -> CorpusError:
    """Say what an exception that is not ours comes to."""
    if is_disk_full(error):
        return DiskFull(DISK_IS_FULL)
    if (told := _server_trouble(error)) is not None:
        return ServerError(told)
    return UnexpectedFailure(describe(error, doing=doing))


def is_disk_full(error: BaseException | None) -> bool:
    """Tell whether an exception, or one behind it, says that nothing more can be written.

    The databases say so in words alone: DuckDB in those of the system, SQLite in its own.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        if type(error).__module__.lstrip("_") in DATABASES and any(
            words in str(error) for words in NO_ROOM_WORDS
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _server_trouble(error: BaseException) -> str | None:
    """Say what is wrong with Prefect's server; None where the error is of another place."""
    places = [frame.filename.replace(os.sep, "/") for frame in extract_tb(error.__traceback__)]
    if not any(_CLIENT in place for place in places):
        return None
    if places[-1].endswith(_STARTS):
        return NO_SERVER
    has_no_answer = type(error).__module__.startswith(_NO_ANSWER)
    is_unreachable = isinstance(error, RuntimeError) and _CLIENT in places[-1]
    return SERVER_GONE if has_no_answer or is_unreachable else None


def describe(error: BaseException, *, doing: str) -> str:
    """Name an error's type and place without its message, which may hold a value."""
    frames = extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
    ours = [f for f in frames if Path(f.filename).parent.name in _ROOMS]
    via = f", called from {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{doing} failed with {type(error).__name__} at {place}{via}: please report it"


def worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Tell Prefect that only a busy or absent platform deserves another try."""
    return isinstance(state.result(raise_on_failure=False), SourceUnavailable)


_ROOMS = frozenset(
    {"flows", "schema", "connectors", "transforms", "warehouse", "annotation", "demo"}
)
