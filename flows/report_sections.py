"""The report's sections: what each plot and table says, and what to do where there is nothing."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import polars as pl

from flows import report_charts as charts
from flows.report_drawing import drawn
from flows.report_page import Column, Section, figure, paragraph, table

Figures = Mapping[str, pl.DataFrame]
WHOLE: Final = ",d"
SHARE: Final = ".1%"
NO_ROUND: Final = (
    "No coding round is in force. Draw, push, code, pull and agree (`confide round`), then publish."
)


def prevalence(figures: Figures) -> Section:
    """How common each code is, root posts and replies apart."""
    frame = figures["prevalence"]
    parts = [
        _shown(
            part,
            f"Share of {part} with each code, with 95 % intervals",
            charts.shares,
            told,
            _PREVALENCE,
        )
        for part in ("root posts", "replies")
        if not (told := frame.filter(pl.col("part") == part)).is_empty()
    ]
    hidden = frame["share"].null_count()
    body = "".join(parts) or paragraph(NO_ROUND, "notice")
    if parts:
        body = (
            paragraph(
                "Weighted by the chance each post had of being drawn, among the posts where the "
                "code was asked and settled; intervals allow for authors who write more than once."
            )
            + body
        )
    if hidden:
        body += paragraph(f"{hidden} codes are not shown: too few authors have it, or lack it.")
    return Section("prevalence", "How common each code is", body)


def agreement(figures: Figures) -> Section:
    """Alpha per code against its floor, and each coder as time goes by."""
    frame, drift = figures["agreement"], figures["drift"]
    if frame.is_empty():
        body = paragraph("Agreement was not measured. Code, then run `confide agree`.", "notice")
        return Section("agreement", "Agreement between coders", body)
    below = frame.filter(~pl.col("is_floor_met").fill_null(False))
    body = paragraph(
        f"{len(frame) - len(below)} of {len(frame)} codes reach the floor below which no claim may "
        "rest on them. A claim on any other code is locked. The bar marks the floor."
    )
    body += _shown(
        "agreement",
        "Krippendorff's alpha of each code, with its interval and floor",
        charts.agreement,
        frame,
        _AGREEMENT,
    )
    if not drift.is_empty():
        body += "<h3>Do coders drift?</h3>\n" + paragraph(
            "How often each coder's value is the settled one, by tenths of their work. A line that "
            "falls calls for a talk about the codebook."
        )
        body += _shown(
            "drift", "Each coder's agreement with settled values", charts.drift, drift, _DRIFT
        )
    return Section("agreement", "Agreement between coders", body)


def sample(figures: Figures) -> Section:
    """What was drawn, with which chances, and whether it looks like the corpus."""
    frame = figures["sample"]
    if frame.is_empty():
        return Section("sample", "Sample and weights", paragraph(NO_ROUND, "notice"))
    body = paragraph(
        "Each unit was drawn with a known chance, fixed before drawing, and stands for as many "
        "posts as its weight says. The effective number is how many equally weighted units would "
        "tell as much."
    )
    body += table(frame, _SAMPLE, "Units drawn")
    body += _shown(
        "balance",
        "Root posts by week: the corpus, the sample, and the sample weighted",
        charts.balance,
        figures["balance"],
        _BALANCE,
    )
    return Section("sample", "Sample and weights", body)


def engagement(figures: Figures) -> Section:
    """How reactions grow with a post's age."""
    frame = figures["engagement"]
    if frame["middle"].drop_nulls().is_empty():
        body = paragraph(
            "No coded post was looked at often enough. `confide refresh` takes the looks.", "notice"
        )
        return Section("engagement", "Reactions as posts age", body)
    body = paragraph(
        "Likes, reposts and quotes (on Reddit the score and crossposts) of coded root posts: the "
        "line is the median, the area the middle half. Not weighted. A difference goes with what "
        "was coded; it is not caused by it."
    )
    body += _shown(
        "engagement", "Reactions by age of the post", charts.engagement, frame, _ENGAGEMENT
    )
    return Section("engagement", "Reactions as posts age", body)


def persistence(figures: Figures) -> Section:
    """How long posts stay up."""
    frame = figures["persistence"]
    if frame.is_empty():
        body = paragraph(
            "No cohort is counted yet: counts of removed posts are kept from 11 a cell on.",
            "notice",
        )
        return Section("persistence", "How long posts stay up", body)
    body = paragraph(
        "Share of posts still up at each age (Kaplan and Meier), from counts of cohorts; nothing "
        "is kept of a post that is gone."
    )
    body += _shown("persistence", "Share still up by age", charts.persistence, frame, _PERSISTENCE)
    return Section("persistence", "How long posts stay up", body)


def coverage(figures: Figures) -> Section:
    """What was collected when, and what could not be seen."""
    weeks, days, gaps = figures["weeks"], figures["coverage"], figures["gaps"]
    if weeks.is_empty():
        body = paragraph("Nothing is collected. Run `confide collect`.", "notice")
        return Section("coverage", "Coverage and gaps", body)
    body = _shown("weeks", "Posts by week and platform", charts.weeks, weeks, _WEEKS)
    if not days.is_empty():
        body += _shown("coverage", "What was read of each source", charts.coverage, days, _DAYS)
    if gaps.is_empty():
        body += paragraph("No gap is known.")
    else:
        body += table(gaps, _GAPS, "The longest gaps: what could not be seen, UTC")
    return Section("coverage", "Coverage and gaps", body)


def health(figures: Figures) -> Section:
    """How the passes over each source went."""
    frame = figures["health"]
    if frame.is_empty():
        body = paragraph("No pass was made. Run `confide collect`.", "notice")
    else:
        body = table(frame, _HEALTH, "Passes over each source, all time")
    return Section("health", "Collection health", body)


def _shown(
    name: str,
    caption: str,
    chart: Callable[[pl.DataFrame, bool], Any],
    frame: pl.DataFrame,
    columns: Mapping[str, Column],
) -> str:
    svg = drawn(name.replace(" ", "-"), partial(chart, frame))
    return figure(caption, svg, table(frame, columns, caption))


_PREVALENCE: Final = {
    "name": Column("code"),
    "share": Column("share", SHARE),
    "low": Column("from", SHARE),
    "high": Column("to", SHARE),
    "n_units": Column("units", WHOLE),
    "n_effective": Column("effective", ",.0f"),
}
_AGREEMENT: Final = {
    "name": Column("code"),
    "alpha": Column("alpha", ".2f"),
    "alpha_low": Column("from", ".2f"),
    "alpha_high": Column("to", ".2f"),
    "floor": Column("floor", ".2f"),
    "is_floor_met": Column("met"),
    "n_units": Column("units", WHOLE),
    "reason": Column("note"),
}
_DRIFT: Final = {
    "coder": Column("coder"),
    "part": Column("tenth", "d"),
    "from_on": Column("from", "at"),
    "to_on": Column("to", "at"),
    "n_values": Column("values", WHOLE),
    "agrees_share": Column("agrees", SHARE),
}
_SAMPLE: Final = {
    "platform": Column("platform"),
    "part": Column("part"),
    "n_units": Column("units", WHOLE),
    "n_authors": Column("authors", WHOLE),
    "lowest_chance": Column("lowest chance", ".2%"),
    "highest_chance": Column("highest chance", ".2%"),
    "stands_for": Column("stands for posts", ",.0f"),
    "n_effective": Column("effective", ",.0f"),
}
_BALANCE: Final = {
    "week": Column("week of", "at"),
    "corpus_share": Column("corpus", SHARE),
    "unweighted_share": Column("sample", SHARE),
    "weighted_share": Column("sample, weighted", SHARE),
}
_ENGAGEMENT: Final = {
    "part": Column("posts"),
    "age": Column("age, hours", "d"),
    "n_looks": Column("looks", WHOLE),
    "low": Column("lower quarter", ",.1f"),
    "middle": Column("median", ",.1f"),
    "high": Column("upper quarter", ",.1f"),
}
_PERSISTENCE: Final = {
    "part": Column("posts"),
    "age_days": Column("age, days", "d"),
    "n_at_risk": Column("still up before", WHOLE),
    "up_share": Column("still up", SHARE),
}
_WEEKS: Final = {
    "week": Column("week of", "at"),
    "platform": Column("platform"),
    "n_posts": Column("posts", WHOLE),
    "n_authors": Column("authors", WHOLE),
}
_DAYS: Final = {
    "source": Column("source"),
    "state": Column("what"),
    "from_on": Column("from", "at"),
    "until_on": Column("until before", "at"),
}
_GAPS: Final = {
    "source": Column("source"),
    "from_at": Column("from", "at"),
    "to_at": Column("to", "at"),
    "hours": Column("hours", WHOLE),
    "reason": Column("why"),
}
_HEALTH: Final = {
    "source": Column("source"),
    "n_passes": Column("passes", WHOLE),
    "n_failed": Column("failed", WHOLE),
    "last_completed_at": Column("last done, UTC", "at"),
    "last_error": Column("last error"),
    "n_new": Column("new posts", WHOLE),
    "n_set_aside": Column("set aside", WHOLE),
    "n_removed": Column("removed", WHOLE),
}
