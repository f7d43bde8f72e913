"""`confide restore`: a study out of its backup, without what was removed since.

Where the study still stands, its vault says what that is: whatever it does not hold any more goes,
and whatever it keeps out stays out. Where it does not, nobody here can know; then every post is
due at once, so that the next `confide refresh` asks its platform about each.
"""

import io
import os
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import polars as pl

from connectors.keys import ProjectKey
from connectors.sealed_file import CHUNK_BYTES, SealedReader, read_head
from connectors.vault import open_vault
from flows.after_removals import close_unseen
from flows.backup_keys import find_key
from flows.drawn import mark_drawn
from flows.guard import guarded
from flows.lost_vault import has_vault
from flows.removing import remove_keyed, resume
from flows.shredded import refuse_if_shredded
from flows.stores import open_stores
from flows.workspace import Workspace, open_workspace, read_project_key
from schema.errors import BackupUnreadable, BadInput
from schema.removals import Removal
from schema.vocabulary import PLATFORMS
from warehouse import store

RESTORE = "restore"  # the act's name in the audit log


@dataclass(frozen=True, slots=True)
class _Opened:
    """What opens a backup: the study's name, its key, and the backup's own."""

    study: str
    project: ProjectKey
    one: bytes


@guarded
def restore(file: Path, directory: Path, instead_of: Path | None = None) -> dict[str, int]:
    """Unseal a study into an empty folder and let go of what was removed since; return counts.

    A backup that does not open to its end leaves nothing behind. Nor does one from whose coding
    tasks what was removed since could not be taken: coders would see it.

    Raises:
        BadInput: the folder is not empty, or the file cannot be read.
        BackupUnreadable: damaged, cut off, or sealed with other keys.
        PolicyRefused: the study it replaces was shredded.
        LabelStudioError: its tasks of what was removed since could not be deleted.
    """
    target = directory.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadInput(f"{directory} is not empty: name a new folder, nothing is overwritten")
    if instead_of is not None:
        refuse_if_shredded(instead_of)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=store.UNFINISHED[0], dir=target.parent) as place:
        fresh = Path(place) / "study"
        fresh.mkdir(mode=0o700)
        count = _unseal(file, fresh)
        workspace = open_workspace(fresh)
        removed = _follow(workspace, None if instead_of is None else open_workspace(instead_of))
        close_unseen(workspace)
        store.compact(workspace.warehouse, now=workspace.now())
        with suppress(FileNotFoundError):
            target.rmdir()
        os.replace(fresh, target)
    return {"files_count": count, "removed_since_count": removed}


def _unseal(file: Path, folder: Path) -> int:
    try:
        with file.open("rb") as sealed:
            opened = _keys(sealed, folder)
            return _extract(sealed, opened.project.backup_key(opened.one), folder)
    except OSError as error:
        raise BadInput(f"{file.name} cannot be read: {error.strerror}") from None


def _keys(sealed: BinaryIO, folder: Path) -> _Opened:
    head = read_head(sealed)
    study = Path(head.get("study", "")).name
    project = read_project_key(study, folder)
    if project.key_id != head.get("key_id"):
        raise BackupUnreadable(
            f"the backup was made under the project key {head.get('key_id')}, and the key here is "
            f"{project.key_id}: put the study's own in its place"
        )
    return _Opened(study, project, find_key(study, head.get("backup_key_id", "")))


def _extract(sealed: BinaryIO, key: bytes, folder: Path) -> int:
    reader = io.BufferedReader(SealedReader(sealed, key), CHUNK_BYTES)
    count = 0
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            for member in archive:
                archive.extract(member, folder, filter="data")
                count += 1
    except tarfile.TarError:
        raise BackupUnreadable("the backup holds no study: name another file") from None
    while reader.read(CHUNK_BYTES):
        pass  # to the proven end
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return count


def _follow(workspace: Workspace, living: Workspace | None) -> int:
    """Let go of what was removed since; let every post be looked at next; log the counts.

    A round that was drawn is followed again, so that no crisis flag waits.
    """
    now, lost = workspace.now(), list[int]()
    with open_stores(workspace) as stores:
        if living is not None:
            lost = _learn(workspace, living)
        stores.vault.let_all_be_due(now)
    removed = resume(workspace) + _remove(workspace, lost)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.forget(lost)
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        known = int(living is not None)
        store.log_act(warehouse, RESTORE, {"removed_count": removed, "is_study_known": known})
        is_drawn = store.last_drawn_round(warehouse) is not None
    if is_drawn:
        mark_drawn(workspace)
    return removed


def _learn(workspace: Workspace, living: Workspace) -> list[int]:
    """Take over what the living study's vault keeps out; return what it does not hold any more."""
    if not has_vault(living.vault):
        raise BadInput(
            f"{living.directory} has no vault to learn from: leave --instead-of out, and ask again "
            "for all who wanted to be forgotten since"
        )
    keys = workspace.key.vault_keys()
    with open_vault(living.vault, keys) as newer, open_vault(workspace.vault, keys) as vault:
        vault.take_over(newer)
        return vault.lost_since(newer)


def _remove(workspace: Workspace, post_keys: list[int]) -> int:
    """Remove posts by key, on whichever platform they stand."""
    rows = pl.DataFrame({"post_key": post_keys}, schema={"post_key": pl.UInt64}).with_columns(
        author_pseudonym=pl.lit(None, pl.String),
        reason=pl.lit("not_found"),
        observed_at=pl.lit(workspace.now()),
    )
    removed = 0
    for platform in PLATFORMS if post_keys else ():
        going = rows.with_columns(platform=pl.lit(platform)).select(Removal.column_names())
        removed += remove_keyed(workspace, platform, Removal.validate(going, cast=True))
    return removed
