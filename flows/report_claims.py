"""The report's claims: verdicts as a forest plot of each kind of estimate, and in words."""

from functools import partial
from html import escape
from typing import Any, Final

import polars as pl

from flows import report_charts as charts
from flows.report_drawing import drawn
from flows.report_page import Column, Section, figure, folded, paragraph, table, written
from flows.report_sections import NO_ROUND, Figures

# Estimates on one scale stand in one plot.
KINDS: Final = {
    ("share",): "Claims that a share exceeds its smallest effect (or, by sign, stays below)",
    ("contrast", "paired"): "Claims that groups differ: difference of weighted means",
    ("slope",): "Claims that one thing rises with another: slope",
}
VERDICTS: Final = (
    "supported",
    "not supported",
    "inconclusive",
    "locked",
    "no data",
    "not testable",
)
MARKS: Final = {"supported": "●", "not supported": "■", "inconclusive": "▲"}
_COLUMNS: Final = {
    "claim_id": Column("claim"),
    "verdict": Column("verdict"),
    "estimate": Column("estimate", ".3f"),
    "interval_low": Column("from", ".3f"),
    "interval_high": Column("to", ".3f"),
    "sesoi": Column("smallest effect", ".2f"),
    "q_value": Column("q", ".3f"),
    "n": Column("n", ",d"),
    "clusters": Column("clusters", ",d"),
}


def claims(figures: Figures) -> Section:
    """What the data say of each claim of the source text."""
    frame = figures["claims"]
    if frame.is_empty():
        return Section("claims", "What the data say", paragraph(NO_ROUND, "notice"))
    body = paragraph(
        "Each claim's direction and smallest effect (the dark bar) were fixed before data were "
        "seen. Observational: a result goes with, or is followed by; it never causes. A claim is "
        "locked while coders do not agree well enough on a code it rests on. Primary claims are "
        "corrected for their number (q, Benjamini and Hochberg)."
    )
    body += _counts(frame)
    judged = frame.drop_nulls("estimate")
    for number, (kinds, caption) in enumerate(KINDS.items()):
        if not (told := judged.filter(pl.col("kind").is_in(kinds))).is_empty():
            svg = drawn(f"forest-{number}", partial(charts.forest, told))
            body += figure(caption, svg, table(told, _COLUMNS, caption))
    for priority in ("primary", "secondary"):
        body += _listed(judged.filter(pl.col("priority") == priority), f"{priority} claims judged")
    left = frame.filter(pl.col("estimate").is_null())
    body += folded(f"{len(left)} claims without an estimate, and why", _cards(left))
    return Section("claims", "What the data say", body)


def _counts(frame: pl.DataFrame) -> str:
    """List which claims got which verdict, each linked to its words below."""
    lines = []
    for verdict in VERDICTS:
        ids = frame.filter(pl.col("verdict") == verdict)["claim_id"].to_list()
        links = " ".join(f'<a href="#{escape(one)}">{escape(one)}</a>' for one in ids)
        if ids:
            lines.append(f"<li>{_badge(verdict)} {len(ids)}: {links}</li>")
    return f'<ul class="counts">{"".join(lines)}</ul>\n'


def _listed(frame: pl.DataFrame, heading: str) -> str:
    if frame.is_empty():
        return ""
    return f"<h3>{len(frame)} {escape(heading)}</h3>\n{_cards(frame)}"


def _cards(frame: pl.DataFrame) -> str:
    items = "".join(_claim(row) for row in frame.iter_rows(named=True))
    return f'<ul class="claims">{items}</ul>\n'


def _badge(verdict: str) -> str:
    mark = MARKS.get(verdict, "○")
    kind = verdict.replace(" ", "-")
    return f'<span class="verdict {kind}">{mark} {escape(verdict)}</span>'


def _claim(row: dict[str, Any]) -> str:
    """Write a claim: verdict, statement, figures or reason, limits."""
    lines = [f"<p>{escape(row['statement'])}</p>"]
    if row["estimate"] is not None:
        low, high = written(row["interval_low"], ".2f"), written(row["interval_high"], ".2f")
        q = row["q_value"]
        corrected = "" if q is None else f" q {q:.3f}."
        wanted = "above" if row["sign"] > 0 else "below"
        lines.append(
            f'<p class="under">{row["estimate"]:.2f} (95 % {low} to {high}); supported if surely '
            f"{wanted} {written(row['sesoi'], '.2f')}. {written(row['n'], ',d')} observations in "
            f"{written(row['clusters'], ',d')} clusters.{corrected}</p>"
        )
    if row["reason"]:
        lines.append(f'<p class="under">{escape(row["reason"])}</p>')
    if row["limits"]:
        lines.append(f'<p class="under">Limits: {escape(row["limits"])}</p>')
    return (
        f'<li id="{escape(row["claim_id"])}"><strong>{escape(row["claim_id"])}</strong> '
        f'{_badge(row["verdict"])} <span class="under">{escape(row["passage"])}</span>'
        f"{''.join(lines)}</li>\n"
    )
