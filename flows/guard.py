"""The wall between a fault and what gets written about it.

A library's exception may quote a post or a name. Inside a guarded function only our own
errors pass; any other becomes its type and place.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from traceback import extract_tb
from typing import Any, ParamSpec, TypeVar

from schema.errors import CorpusError, SourceUnavailable, UnexpectedFailure

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
            failure = UnexpectedFailure(describe(error, doing=work.__name__))
        raise failure  # outside the handler: the original must not travel along

    return watched


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
