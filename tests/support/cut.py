"""Work that is cut off before the n-th change of a file below some folders, as a crash would.

What was done until then stays as it is; what a `finally` puts right is put right, which a crash
would not do: only work that relies on none is to be tried so.
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

CHANGES: Final = ("os.rename", "os.remove")
_WATCHED: list["_Watch"] = []  # at most one; a hook cannot be taken out again
_HOOKS: list[Callable[..., None]] = []


class Cut(BaseException):
    """The crash: no `except Exception` holds it up."""


class _Watch:
    def __init__(self, left: int, folders: Sequence[Path]) -> None:
        self.left, self.folders = left, folders

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if not (writes or event in CHANGES) or not isinstance(arguments[0], str | os.PathLike):
            return
        path = Path(arguments[0]).absolute()
        if any(path.is_relative_to(folder) for folder in self.folders):
            self.left -= 1
            if self.left < 0:
                raise Cut


def cut_before(number: int, work: Callable[[], object], *folders: Path) -> bool:
    """Do work up to its change `number` (from 0) below the folders; tell whether it was cut off."""
    if not _HOOKS:
        _HOOKS.append(_hook)
        sys.addaudithook(_hook)
    _WATCHED.append(_Watch(number, folders))
    try:
        work()
    except Cut:
        return True
    finally:
        _WATCHED.clear()
    return False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _WATCHED and (event == "open" or event in CHANGES):
        _WATCHED[0].see(event, arguments)
