"""A round goes on under a new version of the codebook: what is carried, and what is coded again.

Whatever was coded under an earlier version is held against the codebook in force. Units that no
major change touches count as coded; the rest goes out anew, in the projects of the new version,
and what still lies unanswered in those of the old one is taken back.
"""

import polars as pl

from annotation import label_studio
from annotation.codebook_diff import diff
from annotation.recoding import asked_by_both, carried_because
from flows.workspace import Workspace
from schema.codebook import Codebook
from schema.errors import BadInput
from schema.vocabulary import UNIT_KINDS, UnitKind
from warehouse import store

_KINDS: dict[str, UnitKind] = {kind: kind for kind in UNIT_KINDS}


def carry(workspace: Workspace, codebook: Codebook, wave: str, round_: str) -> dict[str, int]:
    """Carry what the codebook in force leaves standing; count it, and what is coded again.

    Empty where the round knows one version alone. Done again, it changes nothing.

    Raises:
        BadInput: the version's number says less than its changes.
    """
    told = {"carried": 0, "coded_again": 0}
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.save_codebook(warehouse, codebook)
        versions = store.used_versions(warehouse, wave, round_)
        earlier = [version for version in versions if version != codebook.version]
        if not earlier:
            return {}
        kept: set[tuple[str, int]] = set()
        asked: set[tuple[str, int]] = set()
        for version in earlier:
            old = store.read_codebook(warehouse, version)
            values = store.standing_values(warehouse, wave, round_, version)
            asked |= {*values.select("unit_kind", "unit_key").iter_rows()}
            if old is None:  # coded before codebooks were kept
                continue
            carried = _carried(old, codebook, values)
            store.save_carried(
                warehouse,
                carried,
                place=(wave, round_),
                coded_version=version,
                codebook_version=codebook.version,
                now=workspace.now(),
            )
            kept |= {(one.unit_kind, one.unit_key) for one in carried}
        if store.last_drawn_round(warehouse) == (wave, round_):
            store.set_current_round(warehouse, wave, round_, codebook.version)
    return told | {"carried": len(kept), "coded_again": len(asked - kept)}


def _carried(old: Codebook, new: Codebook, values: pl.DataFrame) -> list[store.Carried]:
    found = diff(old, new)
    if not found.is_enough:
        raise BadInput(
            f"the round was coded under codebook {old.version}, and what changed since asks for a "
            f"new {found.needed} version after it: raise the version in the codebook "
            f"({new.version}); `confide codebook diff` tells the changes"
        )
    given: dict[tuple[str, int], dict[str, dict[str, int]]] = {}
    for kind, key, coder, code_id, value in values.iter_rows():
        mine = given.setdefault((kind, key), {}).setdefault(coder, {})
        if code_id is not None:
            mine[code_id] = value
    carried = []
    for (named, key), by_coder in given.items():
        kind = _KINDS[named]
        coded = [one for one in by_coder.values() if one]
        reason = carried_because(old, new, found, kind, coded)
        if reason is not None:
            codes = asked_by_both(old, new, kind)
            carried.append(store.Carried(kind, key, codes, reason))
    return carried


def close_earlier(client: label_studio.Client, codebook: Codebook, wave: str, round_: str) -> int:
    """Take back what lies unanswered in a round's projects of other versions; count it.

    What was answered stays, and the next pull reads it.
    """
    return sum(
        label_studio.close_open_tasks(client, project)
        for project in label_studio.projects(client)
        if (project.key.wave, project.key.round) == (wave, round_)
        and project.key.codebook_version != codebook.version
    )


def codebooks(
    workspace: Workspace, codebook: Codebook, wave: str, round_: str
) -> dict[str, Codebook]:
    """Return the codebooks a round was coded under, by version, as far as they were kept."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        versions = store.used_versions(warehouse, wave, round_)
        kept = {version: store.read_codebook(warehouse, version) for version in versions}
    found = {version: one for version, one in kept.items() if one is not None}
    return found | {codebook.version: codebook}
