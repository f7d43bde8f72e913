"""What the terminal shows of the published file: tables of agreement, verdicts and SQL."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.workspace import open_workspace
from warehouse import store
from warehouse.corpus import open_corpus, query

WIDTH = 120


def verdict_rows(study: Path) -> list[dict[str, Any]]:
    """Read the verdicts, primary claims first.

    Raises:
        BadInput: nothing was published.
    """
    with open_corpus(open_workspace(study).published) as corpus:
        return query(corpus, "select * from verdicts order by priority = 'primary' desc, claim_id")


def verdict_table(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the verdicts: claim, verdict and why, estimate with its interval, n, what to exceed."""
    table = Table(title="Claims of the source text", title_justify="left")
    headings = ("claim", "verdict", "estimate [95 %]", "smallest effect", "n", "statement", "why")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            row["claim_id"],
            row["verdict"],
            interval_text(row["estimate"], row["interval_low"], row["interval_high"]),
            _number(row["sesoi"]),
            str(row["n"] or ""),
            row["statement"],
            row["reason"] or "",
        )
    return drawn(table)


def agreement_table(study: Path) -> str:
    """Draw alpha per code beside its floor, from the warehouse."""
    workspace = open_workspace(study)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        rows = store.read_agreement(warehouse).to_dicts()
    table = Table(title="Agreement between coders", title_justify="left")
    for heading in ("code", "alpha [95 %]", "floor", "met", "units", "prevalence", "note"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            row["code_id"],
            interval_text(row["alpha"], row["alpha_low"], row["alpha_high"]),
            _number(row["floor"]),
            {True: "yes", False: "no", None: ""}[row["is_floor_met"]],
            str(row["n_units"]),
            _number(row["prevalence"]),
            row["reason"] or "",
        )
    return drawn(table)


def as_table(rows: Sequence[dict[str, Any]]) -> str:
    """Draw any result; an empty one says so."""
    if not rows:
        return "no rows"
    table = Table()
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) if value is not None else "" for value in row.values()))
    return drawn(table)


def interval_text(estimate: float | None, low: float | None, high: float | None) -> str:
    """Write an estimate with its interval; nothing where there is none."""
    if estimate is None:
        return ""
    return f"{estimate:.2f} [{_number(low)}, {_number(high)}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def drawn(table: Table) -> str:
    """Draw a table as text of a terminal's width."""
    # a post's text is no markup: `[b]` and `:smile:` stand as they were written
    console = Console(file=StringIO(), width=WIDTH, markup=False, emoji=False, highlight=False)
    console.print(table)
    out = console.file
    assert isinstance(out, StringIO)
    return out.getvalue().rstrip()
