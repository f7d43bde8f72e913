"""What a compliance rule is here: a check that looks, an outcome in one sentence, verbs it blocks.

The modules `rules_*` hold the checks, a group of the list each; `rule_table` names them all.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Literal

from connectors.vault import Vault, open_vault
from flows.file_modes import open_to_others
from flows.guard import describe
from flows.shredded import read_mark
from flows.workspace import Workspace
from schema.errors import CorpusError
from schema.sources import Source, source_platform
from schema.vocabulary import PLATFORMS, Platform
from warehouse import store

Verdict = Literal["pass", "fail", "not applicable"]
Need = Literal["warehouse", "vault"]
NO_RELEASE = "`confide release` does not exist yet, so nothing can be given out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found. `blocks`: fewer verbs than its rule names, where only these matter."""

    verdict: Verdict
    why: str
    blocks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What checks look at. A store is None where there is none, or where it cannot be opened.

    `problems` says why it cannot; `open_files` names what others could read before we opened it.
    """

    workspace: Workspace
    warehouse: store.Warehouse | None
    vault: Vault | None
    problems: dict[Need, str]
    open_files: tuple[str, ...]

    @property
    def rows(self) -> store.Warehouse:
        """The warehouse, for a check whose rule needs it."""
        assert self.warehouse is not None
        return self.warehouse

    @property
    def map(self) -> Vault:
        """The vault, for a check whose rule needs it."""
        assert self.vault is not None
        return self.vault

    def sources(self, platform: Platform | None = None) -> list[Source]:
        """List the study's sources, of one platform or all."""
        return [s for s in self.workspace.study.source if platform in (None, source_platform(s))]


Check = Callable[[Evidence], Outcome]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the list: its number, what it wants, what is looked at, what it blocks.

    `needs`: stores without which there is nothing to look at; `uses`: looked at if they are there.
    """

    number: str
    wants: str
    looks_at: str
    check: Check
    blocks: tuple[str, ...]
    needs: tuple[Need, ...] = ()
    uses: tuple[Need, ...] = ()

    def apply(self, evidence: Evidence) -> Outcome:
        """Look; a check that cannot be made fails with its reason."""
        for need in self.needs:
            if told := evidence.problems.get(need):
                return failed(told)
            if getattr(evidence, need) is None:
                return inapplicable(f"there is no {need} to look at")
        try:
            return self.check(evidence)
        except CorpusError as error:
            return failed(str(error))
        except Exception as error:  # its text may hold a value
            return failed(describe(error, doing=f"the check of {self.number}"))


def passed(why: str) -> Outcome:
    """Say that a rule holds."""
    return Outcome("pass", why)


def failed(why: str, *, blocks: tuple[str, ...] | None = None) -> Outcome:
    """Say what breaks a rule, and the remedy."""
    return Outcome("fail", why, blocks)


def inapplicable(why: str) -> Outcome:
    """Say why a rule has nothing to look at."""
    return Outcome("not applicable", why)


def judged(offending: dict[str, int], holds: str, remedy: str) -> Outcome:
    """Fail where anything was counted: `offending` maps what it is to how often it stands."""
    found = [f"{count} {what}" for what, count in offending.items() if count]
    return failed(f"{', '.join(found)}: {remedy}") if found else passed(holds)


@contextmanager
def gathered(workspace: Workspace, needs: frozenset[Need]) -> Iterator[Evidence]:
    """Open what checks need, and keep it open while they look."""
    open_files = open_to_others(workspace.directory)  # before opening one makes it private
    problems: dict[Need, str] = {}
    with ExitStack() as stack:
        warehouse, vault = None, None
        if "vault" in needs and not read_mark(workspace.directory):
            try:
                workspace.refuse_lost_vault()
                if workspace.vault.exists():
                    keys = workspace.key.vault_keys()
                    vault = stack.enter_context(open_vault(workspace.vault, keys))
            except CorpusError as error:
                problems["vault"] = str(error)
        if "warehouse" in needs and workspace.warehouse.exists():
            try:
                opened = store.open_warehouse(workspace.warehouse, now=workspace.now())
                warehouse = stack.enter_context(opened)
            except CorpusError as error:
                problems["warehouse"] = str(error)
        yield Evidence(workspace, warehouse, vault, problems, open_files)


def platforms_of(evidence: Evidence) -> list[Platform]:
    """Name the platforms that the study reads."""
    return [platform for platform in PLATFORMS if evidence.sources(platform)]
