"""`confide forget`: whom and what somebody asks to be forgotten goes now, and stays out.

Names come from standard input or a private file and stay in this process's memory: what is handed
to Prefect afterwards, what is logged and what is said are counts and numbers of lines.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from connectors import bluesky
from connectors.addresses import Address, read_address
from connectors.atproto_syntax import POST_COLLECTION, RecordUri, is_did
from flows import bluesky_access
from flows.after_removals import clear_up
from flows.guard import guarded
from flows.removing import OPTED_OUT, remove, resume
from flows.shredded import refuse_if_shredded
from flows.workspace import Workspace, open_workspace, read_private_file
from schema.errors import BadInput, CorpusError, SourceUnavailable
from schema.removals import CollectedRemoval
from schema.vocabulary import PLATFORMS, Platform
from warehouse import store

SHOWN_LINES = 20  # of those that could not be done, in one sentence


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done, in counts, and by number the lines that could not be."""

    counts: Mapping[str, int]
    unreadable: tuple[int, ...]
    unresolved: tuple[int, ...]

    @property
    def problem(self) -> CorpusError | None:
        """What to tell of the lines that could not be done, if there are any."""
        told = []
        if self.unreadable:
            told.append(
                f"{_lines(self.unreadable)} no account or post in a form known here: write "
                "u/name, a handle, a DID, an id, or the address of a profile or post"
            )
        if self.unresolved:
            told.append(
                f"{_lines(self.unresolved)} a handle that could not be resolved to its account: "
                "try again later, or give the DID"
            )
        if not told:
            return None
        kind = SourceUnavailable if self.unresolved else BadInput
        return kind(f"{'; '.join(told)}. All other lines are done")


def forget(directory: Path, file: Path | None) -> Forgotten:
    """Remove what the lines name, keep it out for good, and clear up after it.

    Lines come from `file`, else from standard input. Those that cannot be done keep no other
    from being done.

    Raises:
        BadInput: the file is readable by others, inside the study, or missing.
        PolicyRefused: the study was shredded.
        CorpusError: a store or Label Studio could not be reached; the next run completes it.
    """
    workspace = open_workspace(directory)
    refuse_if_shredded(workspace.directory)
    text = _read(workspace, file)
    done = take_out(workspace, text.split("\n"))
    clear_up()
    return done


@guarded
def take_out(workspace: Workspace, lines: Sequence[str]) -> Forgotten:
    """Remove what lines name from vault and warehouse; tasks and files are left to `clear_up`."""
    resume(workspace)
    written = {n: line for n, line in enumerate(lines, start=1) if _is_meant(line)}
    found = {number: read_address(line) for number, line in written.items()}
    addresses = {number: address for number, address in found.items() if address is not None}
    dids = _resolve(workspace, addresses.values())
    unresolved = [n for n, one in addresses.items() if one.handle and one.handle not in dids]
    named = [_named(one, dids) for n, one in addresses.items() if n not in unresolved]
    removed = sum(_remove(workspace, platform, named) for platform in PLATFORMS)
    counts = {
        "lines_count": len(written),
        "accounts_count": len({one for one in named if one.post is None}),
        "posts_named_count": len({one for one in named if one.post is not None}),
        "removed_count": removed,
        "not_done_count": len(written) - len(named),
    }
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.log_act(warehouse, "forget", counts)
    unreadable = tuple(number for number, address in found.items() if address is None)
    return Forgotten(counts, unreadable, tuple(unresolved))


def _read(workspace: Workspace, file: Path | None) -> str:
    if file is not None:
        what, here = "--file: the file of names", workspace.directory
        return read_private_file(file.absolute(), what=what, study_directory=here)
    if sys.stdin.isatty():
        print("One account or post a line; end with Ctrl-D.", file=sys.stderr)
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")


def _is_meant(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _resolve(workspace: Workspace, addresses: Iterable[Address]) -> dict[str, str]:
    """Map handles to DIDs, as far as the AppView can be asked and knows them."""
    handles = sorted({one.handle for one in addresses if one.handle is not None})
    if not handles:
        return {}
    try:
        client = bluesky_access.public(workspace)
        return bluesky.resolve_actors(client, handles, source="forget")
    except CorpusError:
        return {}  # told by the numbers of their lines


def _named(address: Address, dids: Mapping[str, str]) -> Address:
    """Name a Bluesky account by its DID, and its post by the at-uri."""
    if address.platform == "reddit":
        return address
    did = dids.get(address.handle, "") if address.handle else str(address.account)
    assert is_did(did)
    if address.post is None:
        return Address("bluesky", account=did)
    return Address("bluesky", post=str(RecordUri(did, POST_COLLECTION, address.post)))


def _remove(workspace: Workspace, platform: Platform, named: Iterable[Address]) -> int:
    mine = list(dict.fromkeys(one for one in named if one.platform == platform))
    if not mine:
        return 0
    rows = pl.DataFrame(
        {
            "native_id": [one.post for one in mine],
            "author": [one.account if one.post is None else None for one in mine],
        },
        schema={"native_id": pl.String, "author": pl.String},
    ).with_columns(
        platform=pl.lit(platform),
        reason=pl.lit(OPTED_OUT),
        observed_at=pl.lit(workspace.now()),
    )
    return remove(workspace, platform, CollectedRemoval.validate(rows, cast=True))


def _lines(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:SHOWN_LINES]))
    more = f" and {len(numbers) - SHOWN_LINES} more" if len(numbers) > SHOWN_LINES else ""
    return f"line {shown} holds" if len(numbers) == 1 else f"lines {shown}{more} hold"
