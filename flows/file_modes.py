"""Who may read what of a study: its owner everything, others what lies in `published`.

The study's folder may be passed through (0711), so that others get to the published file; they
cannot list it, and whatever else is in it is 0600 or 0700.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SHARED = "published"
# that one of these was open is said (R11), not mended: others may have read it meanwhile
STORES = frozenset({"vault.sqlite", "warehouse.duckdb", "safety.jsonl"})
UMASK = 0o077
PASSABLE = 0o711
_OF_OTHERS = 0o077
_READ_OR_WRITE = 0o066


def close_to_others(study: Path) -> None:
    """Take from others what they may do with a study's folders and with what a person wrote there.

    Nothing is opened: a study's folder of mode 0700 stays so. What belongs to somebody else stays.
    """
    _take_away(study, _READ_OR_WRITE)
    for path in study.iterdir():
        is_ours = path.is_dir() or (path.is_file() and path.name not in STORES)
        if is_ours and not path.is_symlink() and path.name != SHARED:
            _take_away(path, _OF_OTHERS)


def open_to_others(study: Path) -> tuple[str, ...]:
    """Name the files and folders of a study that others could read, but for the shared folder.

    Whatever lies in a folder that they cannot enter is closed, as the objects of a git folder are.
    """
    found = ["."] if _mode(study) & _READ_OR_WRITE else []
    found += [str(path.relative_to(study)) for path in _below(study) if _mode(path) & _OF_OTHERS]
    return tuple(sorted(found))


def _below(study: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(study):
        if Path(place) == study and SHARED in folders:
            folders.remove(SHARED)
        paths = [Path(place) / name for name in (*folders, *files)]
        yield from (path for path in paths if not path.is_symlink())
        folders[:] = [name for name in folders if _mode(Path(place) / name) & _OF_OTHERS]


def _take_away(path: Path, bits: int) -> None:
    with suppress(OSError):  # it went meanwhile, or is somebody else's, which R11 tells of
        if (mode := stat.S_IMODE(path.stat().st_mode)) & bits:
            path.chmod(mode & ~bits)


def _mode(path: Path) -> int:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:  # it went meanwhile
        return 0
