"""`confide report`: what the published file says, as one page to look at and to hand on.

One HTML file: style and plots inside, no script, nothing fetched. Cells of too few authors are
blanked by `warehouse.figures`, so the page may leave the project; texts are never in it.
"""

from html import escape
from pathlib import Path
from typing import Any, Final

from flows import report_sections as parts
from flows.plain_paths import whole
from flows.report_claims import claims
from flows.report_page import Section, numbers, page, paragraph, written
from flows.report_sections import Figures
from flows.workspace import open_workspace
from warehouse.corpus import open_corpus
from warehouse.figures import read_figures

NAME: Final = "report.html"
READABLE: Final = 0o644
INVENTED: Final = (
    "Invented data. These posts were made up to show and test the program; nothing here says "
    "anything about real people."
)
JUDGED: Final = ("supported", "not supported", "inconclusive")


def report(study: Path, out: Path | None = None) -> Path:
    """Write the report of a study's published file; return where it lies.

    An earlier report is replaced whole.

    Raises:
        BadInput: nothing was published, or the file cannot be written.
    """
    workspace = open_workspace(study)
    minimum = workspace.study.policy.minimum_cell
    with open_corpus(workspace.published) as corpus:
        figures = read_figures(corpus, minimum=minimum)
    target = out or workspace.published.with_name(NAME)
    with whole(target) as part:
        part.write_text(render(figures, title=workspace.study.study.name, minimum=minimum), "utf-8")
        part.chmod(READABLE)
    return target


def render(figures: Figures, *, title: str, minimum: int) -> str:
    """Put the page together from its figures."""
    made = dict(figures["versions"].iter_rows())
    sections: list[Section] = [
        claims(figures),
        parts.prevalence(figures),
        parts.agreement(figures),
        parts.sample(figures),
        parts.engagement(figures),
        parts.persistence(figures),
        parts.coverage(figures),
        parts.health(figures),
        _reading(minimum),
    ]
    versions = ", ".join(f"{part} {version}" for part, version in made.items())
    return page(
        f"{title}: report",
        f"Published {made.get('published', 'at an unknown time')} UTC",
        sections,
        head=_at_a_glance(figures),
        foot=f"<p>Made from: {escape(versions)}.</p>",
    )


def _at_a_glance(figures: Figures) -> str:
    """Head the page with what the corpus holds, who coded it and how the claims stand."""
    [corpus] = figures["corpus"].to_dicts()
    notice = paragraph(INVENTED, "notice") if corpus["is_invented"] else ""
    return notice + numbers({**_held(corpus), **_coded(figures), **_judged(figures)})


def _held(corpus: dict[str, Any]) -> dict[str, tuple[str, str]]:
    if corpus["first_on"] is None:
        return {"Posts": ("0", "nothing is collected yet")}
    until = f"{written(corpus['first_on'])} to {written(corpus['last_on'])}"
    threads = f"in {written(corpus['n_threads'], ',d')} threads"
    return {
        "Posts": (written(corpus["n_posts"], ",d"), threads),
        "Authors": (written(corpus["n_authors"], ",d"), until),
    }


def _coded(figures: Figures) -> dict[str, tuple[str, str]]:
    if figures["round"].is_empty():
        return {"Coded": ("0", "no round is in force")}
    [chosen] = figures["round"].to_dicts()
    met = figures["agreement"]["is_floor_met"].fill_null(False).sum()
    name = f"wave {chosen['wave']}, round {chosen['round']}, codebook {chosen['codebook_version']}"
    return {
        "Posts coded": (written(chosen["n_units"], ",d"), f"by {chosen['n_coders']} coders"),
        "Codes that reach their floor": (f"{met} of {len(figures['agreement'])}", name),
    }


def _judged(figures: Figures) -> dict[str, tuple[str, str]]:
    claims_ = figures["claims"]
    if claims_.is_empty():
        return {}
    counts = dict(claims_.group_by("verdict").len().iter_rows())
    told = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in JUDGED[1:])
    left = sum(count for verdict, count in counts.items() if verdict not in JUDGED)
    under = f"{told}; {left} locked, without data or not testable"
    return {"Claims supported": (f"{counts.get(JUDGED[0], 0)} of {len(claims_)}", under)}


def _reading(minimum: int) -> Section:
    """Say what the page can and cannot tell."""
    told = (
        "Every figure is an aggregate; there is no text of a post in here and nothing that leads "
        "to a person.",
        f"A cell of fewer than {minimum} authors is blank, and so is what it could be worked out "
        "from by subtraction: such cells say “too few”, plots leave them out.",
        "Intervals are 95 % and allow for authors who write more than once. Verdicts compare "
        "them with a smallest effect that was fixed before data were seen.",
        "Codes say what a message does, never what a person is. The sample speaks for what was "
        "collected from the sources named above, in the time that was read, and for no other "
        "people or places.",
    )
    return Section("reading", "How to read this", "".join(map(paragraph, told)))
