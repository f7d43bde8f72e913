"""Rules C: keyed pseudonyms, the secret, the vault, and what must not lie about."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256

from flows.byte_search import forms_of, search
from flows.rules import Evidence, Outcome, failed, judged, passed
from flows.shredded import read_mark
from flows.workspace import Workspace, backup_key_files, key_file, read_private_lines
from schema.errors import CorpusError
from transforms.pseudonymize import post_keys
from warehouse import store

PRIVATE_FILES = ("authors_file", "lists_file", "feeds_file", "uri_file")  # each names accounts
BACKUP = "backup"  # the act's name in the audit log
BACKUP_DAYS = 7  # that a backup may open, and with it what was removed since
NAMED = 5  # files that one sentence names
TRIED = 100  # native ids that are keyed anew


def keyed(evidence: Evidence) -> Outcome:
    """R10: row keys are the HMAC of ids under the project key, and no plain hash."""
    key, wrong, plain = evidence.workspace.key, 0, 0
    entries = evidence.map.some_native_ids(TRIED)
    for entry in entries.values():
        subkey = key.pseudonym_key(entry.platform)
        wrong += post_keys(entry.platform, [entry.native_id], key=subkey)[0] != entry.post_key
        digest = sha256(entry.native_id.encode()).digest()
        plain += int.from_bytes(digest[:8], "big") == entry.post_key
    return judged(
        {"keys that another key made": wrong, "plain hashes of an id": plain},
        f"{len(entries)} ids tried: each row's key is made with the project key",
        "anybody could guess them: remove these rows and collect them again",
    )


def secret(evidence: Evidence) -> Outcome:
    """R11: the key is its owner's alone and nowhere in the study; nor is a list of names."""
    if read_mark(evidence.workspace.directory):
        return passed("the study was shredded: it has no key any more")
    told = _open(evidence.open_files)
    told += _unfit_files(evidence.workspace)
    key = evidence.workspace.read_key()
    if "vault" in evidence.problems:
        told.append(evidence.problems["vault"])
    if told:
        return failed("; ".join(told))
    if found := search(evidence.workspace.directory, forms_of(key)):
        return failed(
            f"the key stands in {', '.join(found)}: delete it there, and make a new study if "
            "anybody may have read it",
            blocks=("release",),
        )
    return passed(f"key {key.key_id} is its owner's alone, and in no file of the study")


def one_key(evidence: Evidence) -> Outcome:
    """R12: one key for a study's life; at its end nothing leads back to a person."""
    workspace, mark = evidence.workspace, read_mark(evidence.workspace.directory)
    lines = 0 if evidence.warehouse is None else store.count_acts(evidence.warehouse, "shred")
    if mark is None:
        return judged(
            {"lines of the audit log tell of a shredding, and its mark is gone": lines},
            "the study goes on under its one key",
            "restore shredded.json, or make a new study",
        )
    if not mark.is_complete:
        return failed("shredding was cut off: run `confide shred` again")
    if workspace.vault.exists() or _still_there(workspace, mark.key_id):
        return failed("the vault or its key is there again: run `confide shred` again")
    if workspace.warehouse.exists() and not lines:
        return failed("the audit log says nothing of the shredding: restore the warehouse")
    return passed(f"shredded on {mark.at[:10]}; the key was {mark.key_id}")


def no_leftovers(evidence: Evidence) -> Outcome:
    """R13: nothing raw was left on disk, and no bytes of what was deleted."""
    folder = evidence.workspace.directory
    drafts = [p for p in folder.iterdir() if p.name.startswith(store.UNFINISHED)]
    results = [p for p in (folder / "var" / "prefect" / "storage").rglob("*") if p.is_file()]
    is_due = evidence.warehouse is not None and store.read_due(evidence.warehouse).is_rewrite_due
    if _is_backup_old(evidence):
        return failed(
            f"the last backup is older than {BACKUP_DAYS} days and still opens: what was removed "
            "since stands in it; run `confide backup`, which replaces its key"
        )
    return judged(
        {
            "unfinished files": len(drafts),
            "results that Prefect kept": len(results),
            "warehouse with bytes of deleted rows": int(is_due),
        },
        "no unfinished file, no kept result, no bytes of deleted rows, no old backup that opens",
        "run `confide refresh` or `confide forget`, which clear up, and delete kept results",
    )


def _is_backup_old(evidence: Evidence) -> bool:
    workspace = evidence.workspace
    if evidence.warehouse is None or not backup_key_files(workspace.study.study.name):
        return False
    last = store.last_act(evidence.warehouse, BACKUP)
    return last is not None and last[0] < workspace.now() - timedelta(days=BACKUP_DAYS)


def _open(names: tuple[str, ...]) -> list[str]:
    """Say what of the study others could read, by name as far as a sentence holds."""
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [
        f"{', '.join(names[:NAMED])}{more} can be read by others: in the study's folder, "
        "chmod -R go-rwx all but published, and chmod go-rw the folder itself"
    ]


def _unfit_files(workspace: Workspace) -> Iterator[str]:
    """Say what is wrong with the files that name people: outside the study, their owner's alone."""
    for source in workspace.study.source:
        for name in PRIVATE_FILES:
            if path := getattr(source, name, None):
                try:
                    read_private_lines(
                        path, source=source.name, study_directory=workspace.directory
                    )
                except CorpusError as error:
                    yield f"{error} ({source.name}.{name})"


def _still_there(workspace: Workspace, key_id: str) -> bool:
    """Tell whether the key that was destroyed lies in the study's key file again."""
    try:
        return key_file(workspace.study.study.name).exists() and (
            workspace.read_key().key_id == key_id
        )
    except CorpusError:
        return False
