"""The report's plots, one function a plot: a frame of figures in, an Altair chart out."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import polars as pl

from flows.report_drawing import DASHES, FIRST, INK, QUIET, SECOND, SERIES, SHAPES

ROW: Final = 24  # pixels a row of names takes
STATES: Final = ("read", "gap")
VERDICTS: Final = ("supported", "not supported", "inconclusive")


def weeks(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Posts a week, a line a platform; a blanked week is a hole in the line."""
    platforms = _series(frame, "platform")
    base = alt.Chart(frame).encode(
        x=_time("week", "week of", is_narrow),
        y=alt.Y("n_posts:Q", title="posts"),
        color=_colour("platform", platforms),
    )
    return _points_on_lines(base, "platform", platforms).properties(height=220)


def coverage(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """What was read of each source: a bar a run of days, in another colour where gaps fall."""
    return (
        alt.Chart(frame)
        .mark_bar(height=14)
        .encode(
            x=_time("from_on", None, is_narrow),
            x2="until_on:T",
            y=_names("source"),
            color=alt.Color("state:N", scale=alt.Scale(domain=STATES, range=(FIRST, SECOND))),
        )
        .properties(height=_height(frame, "source"))
    )


def shares(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Weighted shares with their intervals, a row a code; `name`, `share`, `low`, `high`."""
    base = alt.Chart(frame).encode(y=_names("name"))
    axis = alt.X(
        "low:Q", title="share of posts", axis=_few(is_narrow, ".0%"), scale=alt.Scale(domainMin=0)
    )
    return alt.layer(
        base.mark_rule(strokeWidth=2, color=FIRST).encode(x=axis, x2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1, color=FIRST).encode(x="share:Q"),
    ).properties(height=_height(frame, "name"))


def agreement(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Alpha with its interval, a row a code, beside the floor that claims ask for."""
    known = frame.drop_nulls("alpha").with_columns(
        state=pl.when("is_floor_met").then(pl.lit("floor met")).otherwise(pl.lit("below floor"))
    )
    base = alt.Chart(known).encode(y=_names("name"))
    colour = _colour("state", ("floor met", "below floor"))
    axis = alt.X(
        "alpha_low:Q",
        title="Krippendorff's alpha",
        axis=_few(is_narrow),
        scale=alt.Scale(zero=False),
    )
    return alt.layer(
        base.mark_tick(thickness=3, size=16, color=INK).encode(x="floor:Q"),
        base.mark_rule(strokeWidth=2).encode(x=axis, x2="alpha_high:Q", color=colour),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x="alpha:Q", color=colour, shape=_shape("state", ("floor met", "below floor"))
        ),
    ).properties(height=_height(known, "name"))


def drift(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """How often a coder's value is the settled one, as the coding goes on."""
    coders = _series(frame, "coder")
    base = alt.Chart(frame).encode(
        x=alt.X("part:O", title="tenth of the coder's work, in time", axis=_level()),
        y=alt.Y(
            "agrees_share:Q",
            title="agrees with the settled value",
            axis=_percent(),
            scale=alt.Scale(zero=False),
        ),
        color=_colour("coder", coders),
    )
    return _points_on_lines(base, "coder", coders).properties(height=220)


def balance(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """The corpus' root posts by week beside the sample's, unweighted and weighted."""
    names = {
        "corpus_share": "corpus",
        "unweighted_share": "sample, unweighted",
        "weighted_share": "sample, weighted",
    }
    tall = frame.unpivot(index="week", on=list(names), variable_name="part", value_name="share")
    told = tall.with_columns(pl.col("part").replace_strict(names)).drop_nulls("share")
    parts = list(names.values())
    base = alt.Chart(told).encode(
        x=_time("week", "week of", is_narrow),
        y=alt.Y("share:Q", title="share of all", axis=_percent(), scale=alt.Scale(domainMin=0)),
        color=_colour("part", parts),
    )
    return _points_on_lines(base, "part", parts).properties(height=220)


def forest(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Estimates of claims of one kind with their intervals, and the smallest effects."""
    base = alt.Chart(frame).encode(y=_names("claim_id"))
    colour, shape = _colour("verdict", VERDICTS), _shape("verdict", VERDICTS)
    axis = alt.X("interval_low:Q", title="estimate and 95 % interval", axis=_few(is_narrow))
    return alt.layer(
        alt.Chart().mark_rule(color=QUIET, strokeDash=[3, 3]).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2).encode(x=axis, x2="interval_high:Q", color=colour),
        base.mark_tick(thickness=3, size=16, color=INK).encode(x="sesoi:Q"),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x="estimate:Q", color=colour, shape=shape
        ),
        data=frame,
    ).properties(height=_height(frame, "claim_id"))


def engagement(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Reactions by age: the median as a line, the middle half as an area."""
    ages = {1: "1 h", 6: "6 h", 24: "24 h", 36: "36 h", 168: "7 d", 720: "30 d"}
    told = frame.drop_nulls("middle").with_columns(
        pl.col("age").replace_strict(ages, return_dtype=pl.String).alias("shown")
    )
    x = alt.X("shown:O", title="age of the post", sort=list(ages.values()), axis=_level())
    parts = _series(told, "part")
    base = alt.Chart(told).encode(x=x, color=_colour("part", parts))
    areas = base.mark_area(opacity=0.15).encode(
        y=alt.Y("low:Q", title="likes, reposts and quotes"), y2="high:Q"
    )
    lines = _points_on_lines(base.encode(y="middle:Q"), "part", parts)
    return alt.layer(areas, lines).properties(height=240)


def persistence(frame: pl.DataFrame, is_narrow: bool) -> Any:
    """Share of posts still up by age."""
    parts = _series(frame, "part")
    return (
        alt.Chart(frame)
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=alt.X("age_days:Q", title="age in days"),
            y=alt.Y("up_share:Q", title="still up", axis=_percent(), scale=alt.Scale(zero=False)),
            color=_colour("part", parts),
            strokeDash=alt.StrokeDash("part:N", scale=_scale(DASHES, parts)),
        )
        .properties(height=220)
    )


def _points_on_lines(base: Any, name: str, domain: Sequence[str]) -> Any:
    """Tell series apart by colour, dash and shape: one legend, since their domains are equal."""
    dash = alt.StrokeDash(f"{name}:N", scale=_scale(DASHES, domain))
    lines = base.mark_line(strokeWidth=2).encode(strokeDash=dash)
    points = base.mark_point(filled=True, size=45, opacity=1).encode(shape=_shape(name, domain))
    return alt.layer(lines, points)


def _time(name: str, title: str | None, is_narrow: bool) -> Any:
    axis = alt.Axis(format="%-d %b", tickCount=4 if is_narrow else 10, labelOverlap=True)
    return alt.X(f"{name}:T", title=title, axis=axis)


def _names(name: str) -> Any:
    """Rows in the frame's own order."""
    return alt.Y(f"{name}:N", title=None, sort=None, axis=alt.Axis(grid=True, ticks=False))


def _colour(name: str, domain: Sequence[str]) -> Any:
    return alt.Color(f"{name}:N", scale=_scale(SERIES, domain))


def _shape(name: str, domain: Sequence[str]) -> Any:
    return alt.Shape(f"{name}:N", scale=_scale(SHAPES, domain))


def _scale(values: Sequence[Any], domain: Sequence[str]) -> Any:
    """Give each name a value of its own, whether it occurs or not; past the last they repeat."""
    return alt.Scale(
        domain=list(domain), range=[values[n % len(values)] for n in range(len(domain))]
    )


def _series(frame: pl.DataFrame, name: str) -> list[str]:
    return frame[name].unique().sort().to_list()


def _few(is_narrow: bool, form: str = ".2~f") -> Any:
    return alt.Axis(format=form, tickCount=4 if is_narrow else 8, labelOverlap=True)


def _percent() -> Any:
    return alt.Axis(format=".0%")


def _level() -> Any:
    return alt.Axis(labelAngle=0)


def _height(frame: pl.DataFrame, name: str) -> int:
    return ROW * frame[name].n_unique()
