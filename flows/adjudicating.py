"""`confide adjudicate`: disagreements go to the adjudicator, rulings come back as labels.

Who coded what is never sent. What no rule decides is told as a section for the weekly meeting and
the codebook's changelog; proposed rules are free text and stay in Label Studio.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import polars as pl
from prefect import flow, task

from annotation import label_studio
from annotation.agreement import spread
from annotation.codebook import load_codebook
from annotation.dawid_skene import dawid_skene
from annotation.disputes import Dispute, find_disputes
from flows.drawn import check_drawn
from flows.guard import guarded
from flows.label_studio import connect, give_accounts
from flows.recoding import codebooks
from flows.rule_table import refuse_if_blocked
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.vocabulary import UNIT_KINDS
from warehouse import store

OPINIONS: Final = pl.Schema(
    {
        "unit_kind": pl.String(),
        "unit_key": pl.UInt64(),
        "code_id": pl.String(),
        "value": pl.Int32(),
        "probability": pl.Float64(),
    }
)
_RULING: Final = ("unit_key", "code_id", "annotation_id", "revised_at", "value", "rule")


@flow(name="adjudicate", log_prints=False, persist_result=False)
@guarded
def adjudicate(wave: str, round_: str) -> dict[str, int]:
    """Read the round's rulings, queue its open disagreements, and form a second opinion."""
    return adjudicate_task(wave, round_)


@task(name="adjudicate", persist_result=False)
@guarded
def adjudicate_task(wave: str, round_: str) -> dict[str, int]:
    """Do it; return counts of what was queued and ruled, and of labels by route."""
    workspace = open_workspace()
    check_drawn(workspace, wave, round_)
    refuse_if_blocked(workspace, "push")
    client = connect(workspace)
    give_accounts(workspace, client)
    return settle(workspace, client, wave, round_)


def settle(
    workspace: Workspace, client: label_studio.Client, wave: str, round_: str
) -> dict[str, int]:
    """Read rulings, queue what still asks for one, and keep a second opinion of all codings."""
    codebook = load_codebook(workspace.codebook)
    place = (wave, round_, codebook.version)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.set_adjudicators(warehouse, workspace.study.coding.adjudicators)
    keys = adjudication_projects(workspace, codebook, wave, round_)
    done = {"rulings": 0, "refused": 0}
    for used in codebooks(workspace, codebook, wave, round_).values():
        of = adjudication_projects(workspace, used, wave, round_)
        found = _pull(workspace, client, used, of)
        done = {name: count + found[name] for name, count in done.items()}
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        coded = store.read_coded(warehouse, *place)
        ruled = store.ruled_units(warehouse, *place)
    disputes = [
        one for one in find_disputes(coded, codebook) if (one.unit_key, one.code_id) not in ruled
    ]
    done["queued"] = _push(workspace, client, codebook, keys, disputes)
    done["open"] = len(disputes)
    opinions = second_opinions(coded)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.save_second_opinions(
            warehouse, opinions, wave=wave, round_=round_, version=codebook.version
        )
        asked = store.open_disputes(warehouse, *place).height
        return {**done, "disputes": asked, **store.count_labels(warehouse)}


def adjudication_projects(
    workspace: Workspace, codebook: Codebook, wave: str, round_: str
) -> list[label_studio.ProjectKey]:
    """Name a round's queues: one per codebook version, unit kind and adjudicator."""
    return [
        label_studio.ProjectKey(wave, codebook.version, round_, kind, adjudicator)
        for kind in UNIT_KINDS
        for adjudicator in workspace.study.coding.adjudicators
    ]


def second_opinions(coded: pl.DataFrame) -> pl.DataFrame:
    """Return Dawid and Skene's likeliest value of each unit and code, with its chance.

    `coded`: `unit_kind`, `unit_key`, `coder`, `code`, `value`. Codes and kinds are fitted apart.
    """
    frames = [pl.DataFrame(schema=OPINIONS)]
    for (kind, code), mine in coded.sort("unit_kind", "code").group_by(
        "unit_kind", "code", maintain_order=True
    ):
        values = spread(mine.select("coder", "value", unit="unit_key"), "nominal")
        fitted = dawid_skene(values.values)
        if fitted is None:
            continue
        columns = {
            "unit_key": values.units,
            "value": fitted.opinions,
            "probability": fitted.posterior.max(axis=1).round(6),
        }
        named = pl.DataFrame(columns).with_columns(unit_kind=pl.lit(kind), code_id=pl.lit(code))
        frames.append(named.select(pl.col(name).cast(dtype) for name, dtype in OPINIONS.items()))
    return pl.concat(frames)


def _pull(
    workspace: Workspace,
    client: label_studio.Client,
    codebook: Codebook,
    keys: Sequence[label_studio.ProjectKey],
) -> dict[str, int]:
    done = {"rulings": 0, "refused": 0}
    for key in keys:
        project = label_studio.find_project(client, key)
        if project is None:
            continue
        found = label_studio.pull_rulings(client, project, codebook)
        rows = [tuple(getattr(ruling, name) for name in _RULING) for ruling in found.standing]
        held = ((int(uid[:16], 16), uid[17:]) for uid in found.held_uids)
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            done["rulings"] += store.save_rulings(
                warehouse,
                pl.DataFrame(rows, schema=store.RULING, orient="row"),
                place=(key.wave, key.round, key.codebook_version, key.unit_kind),
                adjudicator=key.coder,
                held_uids=held,
                now=workspace.now(),
            )
        done["refused"] += found.refused_count
    return done


def _push(
    workspace: Workspace,
    client: label_studio.Client,
    codebook: Codebook,
    keys: Sequence[label_studio.ProjectKey],
    disputes: Sequence[Dispute],
) -> int:
    """Share the disputes among the adjudicators: all of a unit's go to one."""
    adjudicators = workspace.study.coding.adjudicators
    queued = 0
    for key in keys:
        place = adjudicators.index(key.coder)
        mine = [
            one
            for one in disputes
            if one.unit_kind == key.unit_kind and one.unit_key % len(adjudicators) == place
        ]
        if not mine:
            continue
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            tasks = store.coding_tasks(warehouse, key.wave, key.round, key.unit_kind)
        project = label_studio.ensure_adjudication(client, key, codebook)
        shown = {task.unit_key: task for task in tasks}
        queued += label_studio.push_disputes(client, project, codebook, mine, shown)
    return queued


def disputes_text(study: Path, wave: str, round_: str) -> str:
    """Write the agenda of the weekly meeting: rulings that no decision rule bears out.

    No text of a post, no coder's name. It is told, not kept: a removed unit leaves no line.
    """
    workspace = open_workspace(study)
    codebook = load_codebook(workspace.codebook)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        disputes = store.open_disputes(warehouse, wave, round_, codebook.version).to_dicts()
    if not disputes:
        return "no dispute: every ruling cites a decision rule"
    lines = [_HEAD.format(round=f"{wave} {round_}", version=codebook.version)]
    lines += [
        f"- `{one['code_id']}`: coders read {', '.join(map(str, one['readings']))}; ruled "
        f"{one['value']} for now ({one['adjudicator']}, {one['revised_at']:%Y-%m-%d}). Unit "
        f"{one['unit_key']:016x} of the project {wave} {round_} {one['unit_kind']} "
        f"{one['adjudicator']}. Decided by: … Because: …"
        for one in disputes
    ]
    return "\n".join(lines)


_HEAD: Final = """\
### Disputes of {round}, codebook {version}

For the weekly meeting and the codebook's changelog. The rule that the adjudicator proposes stands
in Label Studio. Decide each: a patch rewords, a minor version adds a rule, a major one changes a
meaning and has units coded again (`confide codebook diff` says which). Nothing changes inside a
round.
"""
