"""`confide check`: may this study run, and what is in the way.

Each finding is a rule of the compliance list (`rule_table`), with the verbs it blocks, or one of
the study's own: its file, its codebook, its data, and whether its platforms answer.
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.table import Table

from annotation.codebook import lint_file, load_codebook
from flows.rule_table import RULES, applied, blocked
from flows.rules import Outcome, Rule, Verdict
from flows.tables import drawn
from flows.webhook import read_address
from flows.workspace import BLUESKY_VARIABLES, Workspace, open_workspace
from schema.errors import CorpusError, PolicyRefused
from schema.sources import FILE_SOURCES, BlueskyAuthorSource, BlueskySearchSource, source_platform
from warehouse import store

CONNECT_SECONDS = 3.0
NUMBERS = frozenset(rule.number for rule in RULES)


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
    """Look at the study, then apply every rule; one that cannot be applied fails with its reason.

    Raises:
        StudyInvalid: the study itself cannot be read, so nothing can be said of it.
    """
    workspace = open_workspace(directory)
    rules = [
        Finding(rule.number, outcome.verdict, outcome.why, _shown(rule, outcome))
        for rule, outcome in applied(workspace)
    ]
    about = [_study(workspace), _codebook_finding(workspace), _data(workspace)]
    return [*about, _alerts(workspace), *rules, *_reachability(workspace)]


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 3 where a policy rule fails, 1 where another does, else 0."""
    failed = [finding for finding in findings if finding.verdict == "fail"]
    if any(finding.rule in NUMBERS for finding in failed):
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


def _shown(rule: Rule, outcome: Outcome) -> tuple[str, ...]:
    """Name what a rule would block, or, where it fails, what it does."""
    return rule.blocks if outcome.verdict != "fail" else blocked(rule, outcome)


def _study(workspace: Workspace) -> Finding:
    kinds = ", ".join(f"{s.name} ({s.kind})" for s in workspace.study.source) or "none"
    return Finding("study", "pass", f"study.toml is valid; sources: {kinds}")


def _codebook_finding(workspace: Workspace) -> Finding:
    return Finding("codebook", *_codebook(workspace))


def _codebook(workspace: Workspace) -> tuple[Verdict, str]:
    try:
        codebook = load_codebook(workspace.codebook)
    except CorpusError as error:
        return "fail", str(error)
    findings = lint_file(workspace.codebook)
    if findings:
        return "fail", f"{len(findings)} findings: run `confide codebook lint`"
    return "pass", f"codebook {codebook.version}, {len(codebook.codes)} codes, no finding"


def _data(workspace: Workspace) -> Finding:
    """Run the data checks, those of no rule too: `publish` wants all of them to pass."""
    if not workspace.warehouse.exists():
        return Finding("data", "not applicable", "nothing was collected yet")
    try:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            counts = store.run_checks(warehouse)
    except CorpusError as error:
        return Finding("data", "fail", str(error), ("publish",))
    if failed := [f"{name} ({count} rows)" for name, count in counts if count]:
        return Finding("data", "fail", "checks fail: " + ", ".join(failed), ("publish",))
    return Finding("data", "pass", f"{len(counts)} data checks find nothing")


def _alerts(workspace: Workspace) -> Finding:
    try:
        address = read_address(workspace)
    except CorpusError as error:
        return Finding("alerts", "fail", str(error))
    if address is None:
        return Finding("alerts", "not applicable", "alerts.webhook_file is not set")
    return Finding("alerts", "pass", "there is an address that is told of trouble")


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
