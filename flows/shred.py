"""`confide shred`: a study's end. What leads from its rows back to people is destroyed.

The mark comes first: from then on no flow makes a vault anew. Running it again after a crash
destroys what is left. What lies outside the study's reach (a key in a safe, in a variable, in a
backup; the researcher's own lists of names) is named, for a person to destroy.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from connectors.keys import ProjectKey, read_key_file
from connectors.vault import VaultEntry, open_vault
from flows.alone import is_followed
from flows.byte_search import forms_of, search
from flows.guard import guarded
from flows.removing import resume
from flows.rules_keys import PRIVATE_FILES
from flows.shredded import Shredding, read_mark, write_mark
from flows.workspace import (
    KEY_COMMAND_VARIABLE,
    KEY_VARIABLE,
    Workspace,
    backup_key_files,
    key_file,
    open_workspace,
)
from schema.errors import BadInput, CorpusError, KeyUnreadable, StoreBusy, WarehouseError
from transforms.pseudonymize import post_keys
from warehouse import store

TRIED = 100  # native ids whose rows are looked for afterwards
CHUNK_BYTES = 2**20
VAULT_PARTS = ("", "-journal", "-wal", "-shm")
STATE = ("reddit-*.sqlite*", "budgets", "sessions")  # in var, of invented platforms alone


@dataclass(frozen=True, slots=True)
class Shredded:
    """What was destroyed, and what only a person can.

    Of `tried_count` native ids `led_count` led to a row before, and `found_count` do afterwards;
    `traces_count` of them and of the spellings of the key stand in the study's files.
    """

    key_id: str
    posts_count: int
    suppressed_count: int
    is_key_file_destroyed: bool
    tried_count: int
    led_count: int
    found_count: int
    traces_count: int
    by_hand: tuple[str, ...]

    def as_text(self) -> str:
        """Say it to a person."""
        key_file = "and its key file " if self.is_key_file_destroyed else ""
        told = [
            f"destroyed: the vault {key_file}(key {self.key_id}), which led to {self.posts_count} "
            f"posts, and {self.suppressed_count} suppression hashes",
            *self._proof(),
        ]
        return "\n".join([*told, *(f"destroy by hand: {what}" for what in self.by_hand)])

    def _proof(self) -> list[str]:
        if not self.tried_count:
            return ["nothing was tried again: the vault held nothing, or its key was gone already"]
        return [
            f"tried: {self.led_count} of {self.tried_count} native ids led to a row before, "
            f"{self.found_count} do now"
            + (", through a key that is still there" if self.found_count else ""),
            "searched every file of the study for the key and these ids: "
            f"{self.traces_count} found",
        ]

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@guarded
def shred(directory: Path, confirmed: str) -> Shredded:
    """Destroy vault, key file and the study's state; prove that nothing can be linked again.

    Raises:
        BadInput: the name is not the study's, or the key does not open its vault.
        StoreBusy: a flow works on the study.
        WarehouseError: something made the vault anew meanwhile.
    """
    workspace = open_workspace(directory)
    name = workspace.study.study.name
    if confirmed != name:
        raise BadInput(
            "nothing was destroyed: shredding cannot be undone, so confirm it by the study's name, "
            f"as study.toml has it: --yes {name}"
        )
    _refuse_if_followed(workspace)
    mark = read_mark(workspace.directory)
    key = _key(workspace)
    if key is not None and mark is None:
        resume(workspace)  # after this nobody could say any more whose rows were to go
    with _undisturbed(workspace):
        known, posts_count, suppressed_count = _look(workspace, key)
        key_id = mark.key_id if mark else (key.key_id if key else "unknown")
        at = mark.at if mark else workspace.now().isoformat()
        write_mark(workspace.directory, Shredding(at, key_id))
    if workspace.warehouse.exists() and not (mark and mark.is_complete):
        counts: dict[str, int | str] = {
            "key_id": key_id,
            "vault": posts_count,
            "suppressed": suppressed_count,
        }
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.log_act(warehouse, "shred", counts)
    led = _count_led(workspace, key, known)
    with _undisturbed(workspace):
        for part in VAULT_PARTS:
            destroy(workspace.vault.with_name(workspace.vault.name + part))
        _destroy_state(workspace)
        is_destroyed = _destroy_key_file(workspace, key_id)
        for path in backup_key_files(name):  # no backup opens without
            destroy(path)
    found, traces = _linked(workspace, known), _traces(workspace, key, known)
    write_mark(workspace.directory, Shredding(at, key_id, is_complete=True))
    return Shredded(
        key_id=key_id,
        posts_count=posts_count,
        suppressed_count=suppressed_count,
        is_key_file_destroyed=is_destroyed,
        tried_count=len(known),
        led_count=led,
        found_count=found,
        traces_count=len(set().union(*traces.values())),
        by_hand=(*_told(traces), *_by_hand(workspace)),
    )


def destroy(path: Path) -> bool:
    """Overwrite a file, make that safe on disk, and unlink it; tell whether it was there.

    What a file system, a disk's spare blocks or a backup keep of it is out of reach.
    """
    if path.is_symlink():
        target = path.resolve()
        path.unlink()
        return destroy(target)
    if not path.is_file():
        return False
    with path.open("r+b", buffering=0) as file:
        left = path.stat().st_size
        while left > 0:
            left -= file.write(secrets.token_bytes(min(left, CHUNK_BYTES)))
        os.fsync(file.fileno())
    path.unlink()
    return True


def _refuse_if_followed(workspace: Workspace) -> None:
    for source in workspace.study.source:
        if is_followed(workspace, source.name):
            raise BadInput(
                f"source {source.name} is followed by `confide stream` now: stop it, then shred"
            )


@contextmanager
def _undisturbed(workspace: Workspace) -> Iterator[None]:
    """Hold the warehouse's lock, which every flow takes before it stores anything."""
    lock = FileLock(f"{workspace.warehouse}.lock", mode=0o600)
    try:
        lock.acquire(timeout=60)
    except Timeout:
        raise StoreBusy("a flow works on this study: let it finish, then shred") from None
    try:
        yield
    finally:
        lock.release()


def _key(workspace: Workspace) -> ProjectKey | None:
    """Read the key; None where it is gone already, as after a shredding that was cut off."""
    try:
        return workspace.read_key()
    except KeyUnreadable:
        return None


def _look(workspace: Workspace, key: ProjectKey | None) -> tuple[dict[int, VaultEntry], int, int]:
    """Read from the vault what will be tried afterwards; a vault without its key says nothing."""
    if key is None or not workspace.vault.exists():
        return {}, 0, 0
    try:
        with open_vault(workspace.vault, key.vault_keys()) as vault:
            return vault.some_native_ids(TRIED), vault.count(), vault.count_suppressed()
    except CorpusError:
        if read_mark(workspace.directory):  # half of it may be overwritten
            return {}, 0, 0
        raise


def _destroy_state(workspace: Workspace) -> None:
    """Destroy what the study keeps of log-ins and of how fast platforms were asked."""
    for pattern in STATE:
        for path in sorted(workspace.state.glob(pattern)):
            for file in [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]:
                destroy(file)
            if path.is_dir():
                shutil.rmtree(path)


def _destroy_key_file(workspace: Workspace, key_id: str) -> bool:
    """Destroy the study's key file, where it holds the key that opened this vault."""
    path = key_file(workspace.study.study.name)
    try:
        is_ours = read_key_file(path, study_dir=workspace.directory).key_id == key_id
    except KeyUnreadable:
        return False
    return is_ours and destroy(path)


def _linked(workspace: Workspace, known: dict[int, VaultEntry]) -> int:
    """Try to link native ids again, the mark aside; return how many lead to a row.

    They do where somebody still has the key: one in a variable or behind a command.

    Raises:
        WarehouseError: the vault is still there.
    """
    if workspace.vault.exists():
        raise WarehouseError(
            f"{workspace.vault.name} is there again: end what made it, shred again"
        )
    return _count_led(workspace, _key(workspace), known)


def _count_led(workspace: Workspace, key: ProjectKey | None, known: dict[int, VaultEntry]) -> int:
    """Count the native ids that lead to a row with this key."""
    if key is None or not known or not workspace.warehouse.exists():
        return 0
    keys = [
        post_keys(entry.platform, [entry.native_id], key=key.pseudonym_key(entry.platform))[0]
        for entry in known.values()
    ]
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return store.count_held(warehouse, keys)


def _traces(
    workspace: Workspace, key: ProjectKey | None, known: dict[int, VaultEntry]
) -> dict[str, set[bytes]]:
    """Map the study's files in which the key or one of the ids stands to what does."""
    words = {entry.native_id.encode() for entry in known.values()}
    return search(workspace.directory, words.union(() if key is None else forms_of(key)))


def _told(traces: dict[str, set[bytes]]) -> Iterator[str]:
    for name, words in sorted(traces.items()):
        yield f"{name}, in which the key or an id stands ({len(words)} of them)"


def _by_hand(workspace: Workspace) -> Iterator[str]:
    """Name what a person must destroy: nothing here can, or knows where its copies are."""
    if os.environ.get(KEY_VARIABLE):
        yield f"the key in {KEY_VARIABLE}, wherever that is kept"
    if os.environ.get(KEY_COMMAND_VARIABLE):
        yield f"the key that the command in {KEY_COMMAND_VARIABLE} prints"
    if key_file(workspace.study.study.name).exists():
        yield "the key file of this study's name, which holds another key or cannot be read"
    lists = sum(
        bool(getattr(s, key, None)) for s in workspace.study.source for key in PRIVATE_FILES
    )
    if lists:
        yield f"{lists} files of names that sources read"
    yield "every copy of the key and every backup of the vault"
