"""The safety log: that a coder raised the crisis flag, and nothing else.

It lies outside the warehouse, readable by its owner alone: one JSON object a line, with the
time, the unit's key, the round and the coder. It holds no text, and nothing of it is ever
analysed but its monthly number. Lines go after 90 days.
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from schema.errors import BadInput

KEPT_FOR = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class CrisisFlag:
    """One coder's flag on one unit."""

    at: datetime
    post_uid: str
    round: str
    coder: str


def record_flags(path: Path, flags: Sequence[CrisisFlag]) -> int:
    """Append the flags that are not in the log yet and return how many were.

    A coder's flag on a unit counts once a round, however often it is pulled.

    Raises:
        BadInput: the log is readable by others, or damaged.
    """
    with _locked(path) as file:
        present = {_identity(flag) for flag in _read(path, file)}
        fresh = {_identity(flag): flag for flag in reversed(flags)}
        new = [flag for key, flag in reversed(fresh.items()) if key not in present]
        os.lseek(file, 0, os.SEEK_END)
        os.write(file, "".join(map(_line, new)).encode())
        os.fsync(file)
    return len(new)


def read_flags(path: Path) -> list[CrisisFlag]:
    """Return every flag in the log, oldest line first; none where there is no log.

    Raises:
        BadInput: the log is readable by others, or damaged.
    """
    if not path.exists():
        return []
    with _locked(path) as file:
        return _read(path, file)


def expire_flags(path: Path, *, now: datetime) -> int:
    """Delete what is older than 90 days and return how many flags went.

    Raises:
        BadInput: the log is readable by others, or damaged.
    """
    if not path.exists():
        return 0
    with _locked(path) as file:
        flags = _read(path, file)
        kept = [flag for flag in flags if flag.at > now - KEPT_FOR]
        if len(kept) < len(flags):
            os.ftruncate(file, 0)
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, "".join(map(_line, kept)).encode())
            os.fsync(file)
    return len(flags) - len(kept)


def count_expired(path: Path, *, now: datetime) -> int:
    """Count the flags older than 90 days, and leave them.

    Raises:
        BadInput: the log is readable by others, or damaged.
    """
    return sum(flag.at <= now - KEPT_FOR for flag in read_flags(path))


def monthly_totals(path: Path) -> dict[str, int]:
    """Count flagged units by month (`2026-03`), the only figure that leaves the log."""
    units = {(flag.at.strftime("%Y-%m"), flag.post_uid) for flag in read_flags(path)}
    return dict(sorted(Counter(month for month, _unit in units).items()))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_mode & 0o077:
            raise BadInput(f"{path} is readable by others: chmod 600 it")
        yield file
    finally:
        os.close(file)


def _read(path: Path, file: int) -> list[CrisisFlag]:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), encoding="utf-8") as text:
        lines = text.read().splitlines()
    try:
        return [_flag(line) for line in lines]
    except (ValueError, TypeError):
        raise BadInput(
            f"{path}: a line is no flag: restore the log from a backup, or move it away"
        ) from None


def _flag(line: str) -> CrisisFlag:
    fields = json.loads(line)
    at = datetime.fromisoformat(fields.pop("at")).astimezone(UTC)
    return CrisisFlag(at=at, **fields)


def _line(flag: CrisisFlag) -> str:
    fields = asdict(flag) | {"at": flag.at.astimezone(UTC).isoformat()}
    return json.dumps(fields) + "\n"


def _identity(flag: CrisisFlag) -> tuple[str, str, str]:
    return flag.post_uid, flag.round, flag.coder
