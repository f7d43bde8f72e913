"""`confide check`: may this study run, and what is in the way.

Each finding is a rule of the compliance list or one of the study's own, with what it
blocks. Rules without a check here yet are not listed: silence must not read as a pass.
"""

import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from rich.table import Table

from annotation.codebook import lint_file, load_codebook
from connectors.vault import open_vault
from flows.looks import overdue_before
from flows.permission import check_permission, is_invented
from flows.shredded import read_mark
from flows.tables import drawn
from flows.workspace import (
    BLUESKY_VARIABLES,
    Workspace,
    open_workspace,
    read_private_lines,
)
from schema.errors import CorpusError, PolicyRefused
from schema.study import (
    FILE_SOURCES,
    BlueskyAuthorSource,
    BlueskySearchSource,
    source_platform,
)
from warehouse import store

Verdict = Literal["pass", "fail", "not applicable"]
CONNECT_SECONDS = 3.0
PRIVATE_FILES = ("authors_file", "lists_file", "feeds_file", "uri_file")  # each names accounts


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of the study."""

    rule: str
    verdict: Verdict
    why: str
    blocks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)


def check(directory: Path) -> list[Finding]:
    """Apply every rule; a rule that cannot be applied fails with its reason.

    Raises:
        StudyInvalid: the study itself cannot be read, so nothing can be said of it.
    """
    workspace = open_workspace(directory)
    return [finding for rule in RULES for finding in rule(workspace)]


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 3 where a policy rule fails, 1 where another does, else 0."""
    failed = [finding for finding in findings if finding.verdict == "fail"]
    if any(finding.rule.startswith("R") for finding in failed):
        return PolicyRefused.exit_code
    return 1 if failed else 0


def table(findings: Sequence[Finding]) -> str:
    """Draw the findings for a terminal."""
    shown = Table(title="confide check", title_justify="left")
    for heading in ("rule", "verdict", "why", "blocks"):
        shown.add_column(heading, overflow="fold")
    for finding in findings:
        shown.add_row(finding.rule, finding.verdict, finding.why, ", ".join(finding.blocks))
    return drawn(shown)


def _study(workspace: Workspace) -> list[Finding]:
    kinds = ", ".join(f"{s.name} ({s.kind})" for s in workspace.study.source) or "none"
    return [Finding("study", "pass", f"study.toml is valid; sources: {kinds}")]


def _key(workspace: Workspace) -> list[Finding]:
    blocks = ("collect", "refresh", "push")
    if mark := read_mark(workspace.directory):
        is_whole = mark.is_complete and not workspace.vault.exists()
        told = (
            f"shredded on {mark.at[:10]}; the key was {mark.key_id}"
            if is_whole
            else "shredding was cut off: run `confide shred` again"
        )
        return [Finding("R12 shred", "pass" if is_whole else "fail", told, blocks)]
    try:
        told = f"key {workspace.key.key_id} is readable by its owner alone"
    except CorpusError as error:
        return [Finding("R11 key", "fail", str(error), blocks)]
    findings = [Finding("R11 key", "pass", told)]
    if not workspace.vault.exists():
        return [*findings, Finding("R11 vault", "not applicable", "nothing was collected yet")]
    try:
        with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
            told = f"opens with this key; {vault.count()} posts can be looked at again"
    except CorpusError as error:
        return [*findings, Finding("R11 vault", "fail", str(error), blocks)]
    return [*findings, Finding("R11 vault", "pass", told)]


def _modes(workspace: Workspace) -> list[Finding]:
    private = [workspace.vault, workspace.warehouse, workspace.safety_log]
    open_to_others = [p.name for p in private if p.exists() and p.stat().st_mode & 0o077]
    if open_to_others:
        told = f"{', '.join(open_to_others)} can be read by others: chmod 600"
        return [Finding("R11 modes", "fail", told, ("collect",))]
    return [Finding("R11 modes", "pass", "restricted files are for their owner alone")]


def _permissions(workspace: Workspace) -> list[Finding]:
    findings = []
    for source in workspace.study.source:
        from_files = isinstance(source, FILE_SOURCES)
        rule = f"{'R2' if from_files else 'R1'} R5 {source.name}"
        if is_invented(workspace, source_platform(source)):
            findings.append(Finding(rule, "not applicable", "its platform is this machine"))
            continue
        try:
            check_permission(workspace, source)
        except PolicyRefused as error:
            blocks = ("backfill",) if from_files else ("collect", "stream")
            findings.append(Finding(rule, "fail", str(error), blocks))
        else:
            findings.append(Finding(rule, "pass", "its records are there and valid"))
    return findings


def _private_files(workspace: Workspace) -> list[Finding]:
    """Look at the files that name people: outside the study, for their owner alone."""
    findings = []
    for source in workspace.study.source:
        named = {key: getattr(source, key) for key in PRIVATE_FILES if getattr(source, key, None)}
        for key, path in named.items():
            rule = f"R11 {source.name}.{key}"
            try:
                read_private_lines(path, source=source.name, study_directory=workspace.directory)
            except CorpusError as error:
                findings.append(Finding(rule, "fail", str(error), ("collect", "stream")))
            else:
                findings.append(Finding(rule, "pass", "outside the study, for its owner alone"))
    return findings


def _policy(workspace: Workspace) -> list[Finding]:
    policy = workspace.study.policy
    looser = policy.looser_keys()
    told = (
        "looser, with a reason: " + ", ".join(looser) if looser else "no key looser than the rules"
    )
    excluded = ", ".join(policy.excluded_communities) or "none"
    return [
        Finding("R23 policy", "pass", told),
        Finding("R4 denylist", "pass", f"excluded: {excluded}; adult content: {policy.nsfw}"),
        Finding("codebook", *_codebook(workspace)),
    ]


def _codebook(workspace: Workspace) -> tuple[Verdict, str]:
    try:
        codebook = load_codebook(workspace.codebook)
    except CorpusError as error:
        return "fail", str(error)
    findings = lint_file(workspace.codebook)
    if findings:
        return "fail", f"{len(findings)} findings: run `confide codebook lint`"
    return "pass", f"codebook {codebook.version}, {len(codebook.codes)} codes, no finding"


def _warehouse(workspace: Workspace) -> list[Finding]:
    if not workspace.warehouse.exists():
        return [Finding("R6 warehouse", "not applicable", "nothing was collected yet")]
    try:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            failed = [
                f"{name} ({count} rows)" for name, count in store.run_checks(warehouse) if count
            ]
    except CorpusError as error:
        return [Finding("R6 warehouse", "fail", str(error), ("publish",))]
    if failed:
        return [Finding("R6 warehouse", "fail", "checks fail: " + ", ".join(failed), ("publish",))]
    return [Finding("R6 R29 warehouse", "pass", "every data check passes, the audit chain too")]


def _looks(workspace: Workspace) -> list[Finding]:
    """Say whether what is held was looked at in time (R14, R15)."""
    if not workspace.vault.exists() or read_mark(workspace.directory):
        return [Finding("R14 R15 looks", "not applicable", "there is no vault to look with")]
    overdue = {}
    try:
        with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
            for platform in sorted({source_platform(s) for s in workspace.study.source}):
                overdue[platform] = vault.count_due(overdue_before(workspace, platform), platform)
    except CorpusError as error:
        return [Finding("R14 R15 looks", "fail", str(error), ("publish",))]
    late = [f"{count} posts on {platform}" for platform, count in overdue.items() if count]
    if late:
        told = f"{', '.join(late)} were not looked at in time: run `confide refresh`"
        return [Finding("R14 R15 looks", "fail", told, ("publish",))]
    return [Finding("R14 R15 looks", "pass", "whatever is held was looked at in time")]


def _reachability(workspace: Workspace) -> list[Finding]:
    findings = []
    for place, url in workspace.study.platform_urls().items():
        if not _is_asked(workspace, place):
            continue
        parts = urlsplit(url)
        port = parts.port or (80 if parts.scheme in ("http", "ws") else 443)
        try:
            socket.create_connection((parts.hostname or "", port), CONNECT_SECONDS).close()
        except OSError:
            told = f"{place} does not answer: look at the address and your network"
            findings.append(Finding("reachable", "fail", told, ("collect",)))
        else:
            findings.append(Finding("reachable", "pass", f"{place} answers"))
    return findings


def _is_asked(workspace: Workspace, place: str) -> bool:
    """Tell whether any live source asks the address that stands at a place of the study."""
    live = [s for s in workspace.study.source if not isinstance(s, FILE_SOURCES)]
    if place == "platforms.bluesky.pds":
        has_account = os.environ.get(BLUESKY_VARIABLES[0]) is not None
        return has_account and any(isinstance(s, BlueskySearchSource) for s in live)
    if place == "platforms.bluesky.plc":
        authors = [s for s in live if isinstance(s, BlueskyAuthorSource)]
        return any(s.history == "repository" for s in authors)
    return any(f".{source_platform(source)}." in place for source in live)


RULES: tuple[Callable[[Workspace], list[Finding]], ...] = (
    _study,
    _key,
    _modes,
    _private_files,
    _permissions,
    _policy,
    _warehouse,
    _looks,
    _reachability,
)
