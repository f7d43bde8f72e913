"""The keys of a study's backups: one, but for the moment in which a backup takes another's place.

A new key has a name of its own until its file stands where it belongs, and only then do all others
go: whatever a crash leaves, the key of the file that stands there is left, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from annotation.label_studio_home import write_private
from connectors.keys import read_backup_key
from flows.shred import destroy
from flows.workspace import backup_key_file, backup_key_files
from schema.errors import BackupUnreadable, KeyUnreadable, StoreBusy

LOCK_SECONDS = 60.0


def key_name(one: bytes) -> str:
    """Name a backup's key without giving it away, so that the two can be put together."""
    return sha256(b"confide backup key" + one).hexdigest()[:8]


def find_key(study: str, name: str) -> bytes:
    """Return the backup key of this name.

    Raises:
        BackupUnreadable: it is not here.
    """
    for path in backup_key_files(study):
        with suppress(KeyUnreadable):
            if key_name(one := read_backup_key(path)) == name:
                return one
    raise BackupUnreadable(
        f"the backup's own key {name} is not in {backup_key_file(study)}: a later backup "
        "replaced it, or the copy kept beside the project key must be put there"
    )


def add_key(study: str, one: bytes) -> None:
    """Put a key beside those that are there, safe on disk."""
    path = _own_name(study, one)
    write_private(path, one.hex() + "\n")
    settle(path.parent)


def keep_only(study: str, one: bytes) -> None:
    """Destroy all keys but one, which was added, and give it the usual name."""
    kept = _own_name(study, one)
    for path in backup_key_files(study):
        if path != kept:
            destroy(path)
    os.replace(kept, backup_key_file(study))


@contextmanager
def alone(study: str) -> Iterator[None]:
    """Be the only backup of the study: another would destroy the key of this one.

    Raises:
        StoreBusy: another one goes on.
    """
    path = backup_key_file(study).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise StoreBusy("another `confide backup` of this study goes on: let it end") from None
    try:
        yield
    finally:
        lock.release()


def settle(folder: Path) -> None:
    """Make what was made or renamed in a folder safe on disk, where its file system can."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def _own_name(study: str, one: bytes) -> Path:
    path = backup_key_file(study)
    return path.with_name(f"{path.name}.{key_name(one)}")
