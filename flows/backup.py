"""`confide backup`: a study as one sealed file; the one before it does not open any more.

Each backup has a key of its own besides the project key. Making one destroys the key of the one
before (R13): what was removed since then goes dark there too. What is left out can be made again:
the published file, Prefect's state, logs, exports.
"""

import io
import os
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from annotation.label_studio_home import LOG_FILE
from connectors.keys import KEY_BYTES
from connectors.sealed_file import SealedWriter
from connectors.vault_file import database_image
from flows.after_removals import clear_up_here
from flows.backup_keys import add_key, alone, keep_only, key_name, settle
from flows.guard import guarded
from flows.label_studio import data_directory, logins_file
from flows.rules_keys import BACKUP
from flows.shredded import refuse_if_shredded
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput
from warehouse import store
from warehouse.connection import locked

SUFFIX: Final = ".new"
_DATABASES = (".sqlite", ".sqlite3")
_BESIDE_DATABASES = ("-journal", "-wal", "-shm")
_MADE_AGAIN = ("export", "home")  # of Label Studio's folder


def backup(directory: Path, target: Path) -> dict[str, int]:
    """Clear up what removals left, then seal the study; return how many files and bytes.

    A crash on the way leaves the old backup, and its key, as they were.

    Raises:
        BadInput: the file is to lie inside the study, is a folder, or cannot be written.
        PolicyRefused: the study was shredded.
        StoreBusy: another backup of the study goes on.
        CorpusError: a removal could not be completed; nothing was written.
    """
    refuse_if_shredded(directory)
    if target.resolve().is_relative_to(directory.resolve()):
        raise BadInput("a backup inside its study is lost with it: name a file elsewhere")
    if target.is_dir():
        raise BadInput(f"{target} is a folder: name a file in it")
    clear_up_here()
    return _seal(open_workspace(directory), target)


@guarded
def _seal(workspace: Workspace, target: Path) -> dict[str, int]:
    study, one = workspace.study.study.name, secrets.token_bytes(KEY_BYTES)
    head = {
        "study": study,
        "key_id": workspace.key.key_id,
        "backup_key_id": key_name(one),
        "made_at": workspace.now().isoformat(),
    }
    with alone(study):
        draft = target.with_name(target.name + SUFFIX)
        count = _write(workspace, draft, workspace.key.backup_key(one), head)
        add_key(study, one)  # while the old one is there, too: either file opens
        os.replace(draft, target)
        settle(target.absolute().parent)
        keep_only(study, one)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.log_act(warehouse, BACKUP, {"files_count": count})
    return {"files_count": count, "bytes_count": target.stat().st_size}


def _write(workspace: Workspace, draft: Path, key: bytes, head: dict[str, str]) -> int:
    draft.unlink(missing_ok=True)
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise BadInput(f"{draft.name} cannot be written: {error.strerror}") from None
    with os.fdopen(handle, "wb") as file:
        with (
            SealedWriter(file, key, head) as sealed,
            tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
            locked(workspace.warehouse, timeout_seconds=60),
        ):
            count = sum(_add(archive, workspace, path) for path in _files(workspace))
        file.flush()
        os.fsync(file.fileno())
    return count


def _files(workspace: Workspace) -> Iterator[Path]:
    """List what is kept: the warehouse before the vault, which knows what is still to go."""
    plain = (
        workspace.directory / "study.toml",
        workspace.directory / ".gitignore",
        *([workspace.codebook] if workspace.codebook else []),
        workspace.safety_log,
        workspace.warehouse,
        workspace.warehouse.with_name(workspace.warehouse.name + ".wal"),
        workspace.vault,
        logins_file(workspace),
    )
    yield from (path for path in plain if path.is_file())
    folder = data_directory(workspace)
    for path in sorted(folder.rglob("*")):
        first = path.relative_to(folder).parts[0]
        is_beside = path.name.endswith(_BESIDE_DATABASES) or path.name == LOG_FILE
        if path.is_file() and not path.is_symlink() and not is_beside and first not in _MADE_AGAIN:
            yield path


def _add(archive: tarfile.TarFile, workspace: Workspace, path: Path) -> int:
    """Add a file; a database as of one instant, whoever writes to it."""
    member = tarfile.TarInfo(str(path.absolute().relative_to(workspace.directory)))
    member.mode = 0o600
    if path.suffix in _DATABASES:
        image = database_image(path)
        member.size = len(image)
        archive.addfile(member, io.BytesIO(image))
    else:
        with path.open("rb") as file:
            member.size = os.fstat(file.fileno()).st_size
            archive.addfile(member, file)
    return 1
