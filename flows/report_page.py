"""The report as a page: one HTML file with its style inside, no script, nothing to fetch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from importlib.resources import files
from typing import Any, Final

import polars as pl

# A browser that keeps to this asks nobody for anything.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
UNKNOWN: Final = "\u2013"
UNTOLD: Final = "too few"  # the cell rule blanked it


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading, and how a value is written: text, `at` a time, a number."""

    heading: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its id, heading and body in HTML."""

    id: str
    heading: str
    body: str


def page(title: str, under: str, sections: Sequence[Section], *, head: str, foot: str) -> str:
    """Put the page together; `head` and `foot` are HTML, title and `under` are text."""
    style = files("flows").joinpath("report.css").read_text("utf-8")
    links = "".join(f'<li><a href="#{one.id}">{escape(one.heading)}</a></li>' for one in sections)
    body = "".join(
        f'<section aria-labelledby="{one.id}">\n<h2 id="{one.id}">{escape(one.heading)}</h2>\n'
        f"{one.body}\n</section>\n"
        for one in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">To the contents</a>\n'
        f'<header>\n<h1>{escape(title)}</h1>\n<p class="under">{escape(under)}</p>\n{head}\n'
        f'</header>\n<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
        f'<main id="main" tabindex="-1">\n{body}</main>\n<footer>\n{foot}\n</footer>\n'
        "</body>\n</html>\n"
    )


def paragraph(text: str, kind: str = "") -> str:
    """Write a paragraph of plain text."""
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{escape(text)}</p>\n"


def numbers(told: Mapping[str, tuple[str, str]]) -> str:
    """Write the figures that head a page: name → value and what it is of."""
    cards = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(under)}</small></dd></div>"
        for name, (value, under) in told.items()
    )
    return f'<dl class="numbers">{cards}</dl>\n'


def figure(caption: str, svg: str, alternative: str) -> str:
    """Write a plot with its caption and, folded, the table that tells the same."""
    return (
        f"<figure>\n<figcaption>{escape(caption)}</figcaption>\n{svg}\n"
        f"{folded('The same as a table', alternative)}</figure>\n"
    )


def table(frame: pl.DataFrame, columns: Mapping[str, Column], caption: str) -> str:
    """Write a frame's columns as a table; its first column names the rows."""
    head = "".join(
        f'<th scope="col"{_class(column)}>{escape(column.heading)}</th>'
        for column in columns.values()
    )
    rows = "".join(_row(row, columns) for row in frame.iter_rows(named=True))
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table>\n'
        f"<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>{rows}</tbody>\n</table></div>\n"
    )


def folded(summary: str, inner: str) -> str:
    """Write HTML that opens on request."""
    return f"<details><summary>{escape(summary)}</summary>\n{inner}</details>\n"


def _row(row: Mapping[str, Any], columns: Mapping[str, Column]) -> str:
    is_hidden = bool(row.get("is_suppressed"))
    cells = []
    for place, (name, column) in enumerate(columns.items()):
        text = UNTOLD if is_hidden and row[name] is None else written(row[name], column.form)
        kind = ' scope="row"' if place == 0 else ""
        tag = "th" if place == 0 else "td"
        cells.append(f"<{tag}{kind}{_class(column)}>{escape(text)}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>\n"


def _class(column: Column) -> str:
    kind = {"": "", "at": "at"}.get(column.form, "number")
    return f' class="{kind}"' if kind else ""


def written(value: Any, form: str = "") -> str:
    """Write a value as people read it; nothing where it is not known."""
    if value is None:
        return UNKNOWN
    if isinstance(value, datetime):
        return f"{value:%-d %b %Y, %H:%M}"
    if isinstance(value, date):
        return f"{value:%-d %b %Y}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, form) if form and form != "at" else str(value)
