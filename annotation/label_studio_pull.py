"""Pull: what coders submitted since the last time, checked and turned into codings.

Label Studio moves a task's `updated_at` when an annotation of it is made, changed or deleted,
though not for drafts, which are not pulled. So the tasks changed since the last mark are read
whole: their annotations now are all there are, and one that was stored before and is not among
them was deleted. Times are the server's, in UTC.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import dataframely as dy
import polars as pl

from annotation.label_studio_accounts import account_of
from annotation.label_studio_client import (
    Client,
    asking,
    server_time,
    tasks_where,
    updated_after,
)
from annotation.label_studio_projects import CRISIS_CODE, Project
from annotation.results import ParsedCoding, parse_result
from annotation.safety_log import CrisisFlag
from schema.codebook import Codebook
from schema.coding import Coding, EvidenceSpan
from schema.vocabulary import UnitKind

OVERLAP = timedelta(seconds=5)  # a change may become visible after a later one did
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NotCodable:
    """A coder's word that a unit cannot be coded, and the reason picked."""

    wave: str
    round: str
    unit_kind: UnitKind
    unit_key: int
    coder: str
    annotation_id: int
    revised_at: datetime
    codebook_version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull brought.

    `retracted` are stored annotations that are gone, were skipped since, or were flagged;
    `problems` counts broken rules, in refused annotations and advisory; `mark` is where the
    next pull begins. Memos are counted only: what a coder writes freely stays in Label Studio.
    """

    codings: dy.DataFrame[Coding] = field(repr=False)
    spans: dy.DataFrame[EvidenceSpan] = field(repr=False)
    retracted: tuple[int, ...]
    flags: tuple[CrisisFlag, ...]
    problems: Mapping[str, int]
    annotations_count: int
    refused_count: int
    skipped_count: int
    memos_count: int
    mark: str
    not_codable: tuple[NotCodable, ...] = ()


@dataclass(slots=True)
class _Harvest:
    """What the tasks read so far amount to."""

    project: Project
    codebook: Codebook
    coder_id: int | None
    codings: list[dict[str, Any]] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    flags: list[CrisisFlag] = field(default_factory=list)
    retracted: set[int] = field(default_factory=set)
    problems: Counter[str] = field(default_factory=Counter)
    annotations: int = 0
    refused: int = 0
    skipped: int = 0
    memos: int = 0
    not_codable: list[NotCodable] = field(default_factory=list)
    newest: datetime = BEGINNING


def pull(
    client: Client,
    project: Project,
    codebook: Codebook,
    *,
    since: str | None,
    known: Mapping[int, Collection[int]] | None = None,
) -> Pulled:
    """Read what changed in a coder's project after `since`, an earlier mark; None reads all.

    `known` holds, by unit key, the annotations of this project that are stored: it is what
    deletions are told by. An annotation that breaks a rule of the codebook is counted by that
    rule and not stored; the rest goes on. One that raises the crisis flag yields the flag
    alone, and no codings.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    began = server_time(client)
    harvest = _Harvest(project, codebook, account_of(client, project.key.coder))
    last = BEGINNING if since is None else _instant(since)
    with asking("for codings"):
        for task in tasks_where(
            client, project.id, [updated_after(last - OVERLAP)], with_annotations=True
        ):
            _take_task(harvest, task, known or {})
    return Pulled(
        codings=Coding.validate(
            pl.DataFrame(harvest.codings, schema=Coding.create_empty().schema), cast=True
        ),
        spans=EvidenceSpan.validate(
            pl.DataFrame(harvest.spans, schema=EvidenceSpan.create_empty().schema), cast=True
        ),
        retracted=tuple(sorted(harvest.retracted)),
        flags=tuple(harvest.flags),
        problems=dict(sorted(harvest.problems.items())),
        annotations_count=harvest.annotations,
        refused_count=harvest.refused,
        skipped_count=harvest.skipped,
        memos_count=harvest.memos,
        # what changes while we read may lie on a page already read: never past the beginning
        mark=max(last, min(harvest.newest, began)).isoformat(),
        not_codable=tuple(harvest.not_codable),
    )


def _take_task(harvest: _Harvest, task: Any, known: Mapping[int, Collection[int]]) -> None:
    harvest.newest = max(harvest.newest, _instant(task.updated_at))
    uid, text = task.data.get("post_uid"), task.data.get("text")
    if not isinstance(uid, str) or not isinstance(text, str) or not _is_uid(uid):
        harvest.problems["foreign_task"] += 1
        return
    kept = set()
    for annotation in task.annotations or ():
        harvest.annotations += 1
        if _take_annotation(harvest, task.data, annotation):
            kept.add(int(annotation["id"]))
    harvest.retracted |= set(known.get(int(uid, 16), ())) - kept


def _take_annotation(
    harvest: _Harvest, shown: Mapping[str, Any], annotation: Mapping[str, Any]
) -> bool:
    """Add an annotation's rows; tell whether it counts. `shown` is the task's data."""
    key, uid, text = harvest.project.key, str(shown["post_uid"]), str(shown["text"])
    result = [entry for entry in annotation.get("result") or () if isinstance(entry, Mapping)]
    thread = shown.get("thread")
    parsed = parse_result(harvest.codebook, key.unit_kind, result, text, thread)
    revised_at = _instant(annotation["updated_at"])
    if parsed.values.get(CRISIS_CODE):  # acts also where the rest is wrong or was skipped
        harvest.flags.append(CrisisFlag(revised_at, uid, key.round, key.coder))
        return False
    if annotation.get("was_cancelled"):
        harvest.skipped += 1
        return False
    harvest.problems.update(problem.rule for problem in parsed.problems)
    is_strange = harvest.coder_id is not None and _author(annotation) != harvest.coder_id
    if is_strange:
        harvest.problems["other_account"] += 1
    if is_strange or parsed.is_refused:
        harvest.refused += 1
        return False
    harvest.memos += parsed.has_memo
    if parsed.cannot_code is not None:
        harvest.not_codable.append(_not_codable(harvest, uid, annotation, parsed.cannot_code))
        return False
    harvest.codings += _coding_rows(harvest, uid, annotation, parsed)
    harvest.spans += _span_rows(uid, annotation, parsed)
    return True


def _coding_rows(
    harvest: _Harvest, uid: str, annotation: Mapping[str, Any], parsed: ParsedCoding
) -> Iterator[dict[str, Any]]:
    key = harvest.project.key
    lead_seconds = annotation.get("lead_time")
    common = {
        "wave": key.wave,
        "round": key.round,
        "unit_kind": key.unit_kind,
        "unit_key": int(uid, 16),
        "coder": key.coder,
        "annotation_id": int(annotation["id"]),
        "revised_at": _instant(annotation["updated_at"]),
        "codebook_version": key.codebook_version,
        "coded_at": _instant(annotation["created_at"]),
        "lead_seconds": None if lead_seconds is None else max(float(lead_seconds), 0.0),
    }
    for code_id, value in parsed.values.items():
        if code_id != CRISIS_CODE:
            certainty = parsed.certainties[code_id]
            yield {**common, "code_id": code_id, "value": value, "certainty": certainty}


def _not_codable(
    harvest: _Harvest, uid: str, annotation: Mapping[str, Any], reason: str
) -> NotCodable:
    key = harvest.project.key
    return NotCodable(
        key.wave,
        key.round,
        key.unit_kind,
        int(uid, 16),
        key.coder,
        int(annotation["id"]),
        _instant(annotation["updated_at"]),
        key.codebook_version,
        reason,
    )


def _span_rows(
    uid: str, annotation: Mapping[str, Any], parsed: ParsedCoding
) -> Iterator[dict[str, Any]]:
    for span in parsed.spans:
        yield {
            "annotation_id": int(annotation["id"]),
            "revised_at": _instant(annotation["updated_at"]),
            "unit_key": int(span.post_uid or uid, 16),
            "code_id": span.code_id,
            "span_start": span.start,
            "span_end": span.end,
        }


def _author(annotation: Mapping[str, Any]) -> int | None:
    author = annotation.get("completed_by")
    return author.get("id") if isinstance(author, Mapping) else author


def _is_uid(uid: str) -> bool:
    return len(uid) == 16 and set(uid) <= set("0123456789abcdef")


def _instant(stated: str | datetime) -> datetime:
    instant = datetime.fromisoformat(stated) if isinstance(stated, str) else stated
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def read_values(client: Client, project: Project, codebook: Codebook) -> dict[int, dict[str, int]]:
    """Return the values that each unit's last answer gives, by unit key; for training only.

    Nothing is refused: what breaks a rule of the codebook is an answer too.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    found: dict[int, dict[str, int]] = {}
    with asking("for answers"):
        for task in tasks_where(client, project.id, [], with_annotations=True):
            given = [one for one in task.annotations or () if not one.get("was_cancelled")]
            if not given:
                continue
            last = max(given, key=lambda one: _instant(one["updated_at"]))
            result = [entry for entry in last.get("result") or () if isinstance(entry, Mapping)]
            kind, text = project.key.unit_kind, task.data["text"]
            parsed = parse_result(codebook, kind, result, text)
            found[int(task.data["post_uid"], 16)] = dict(parsed.values)
    return found
