"""How the report's plots are drawn: Altair to SVG, without a network, a browser or a script.

Each is drawn twice, for a desk and for a phone, since an SVG that shrinks takes its letters with
it. Colours are variables of the page's style, so that one drawing serves light and dark.
"""

import re
from collections.abc import Callable
from io import StringIO
from typing import Any, Final

import altair as alt

WIDTHS: Final = {"desk": 820, "phone": 340}  # pixels, letters at the sides included
# Colours as Vega takes them, and the page's variables that they stand for.
COLOURS: Final = {
    "#010101": "var(--ink)",
    "#020202": "var(--line)",
    "#030303": "var(--first)",
    "#040404": "var(--second)",
    "#050505": "var(--third)",
    "#060606": "var(--fourth)",
    "#070707": "var(--quiet)",
}
INK, LINE, FIRST, SECOND, THIRD, FOURTH, QUIET = COLOURS
SERIES: Final = (FIRST, SECOND, THIRD, FOURTH)
SHAPES: Final = ("circle", "square", "triangle-up", "diamond")
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
Draw = Callable[[bool], Any]


def drawn(name: str, chart: Draw) -> str:
    """Draw a chart for desk and phone as SVG elements; `chart` is told whether it is narrow."""
    return "".join(
        f'<div class="{screen}">{_svg(chart(screen == "phone"), width, f"{name}-{screen}")}</div>'
        for screen, width in WIDTHS.items()
    )


def _svg(chart: Any, width: int, mark: str) -> str:
    """Draw one chart; its ids are its own, since a page holds many."""
    out = StringIO()
    _styled(chart, width).save(out, format="svg")
    svg = out.getvalue()
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, variable)
    svg = re.sub(r'(\bid="|url\(#)', rf"\1{mark}-", svg)
    # the page tells in words and tables what is drawn; a screen reader would read marks one by one
    svg = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", svg)
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _styled(chart: Any, width: int) -> Any:
    sized = chart.properties(
        width=width,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        padding={"left": 20, "right": 12, "top": 4, "bottom": 4},
        background="transparent",
    )
    return (
        sized.configure(font="Arial, sans-serif")
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=330 if width > WIDTHS["phone"] else 140,
        )
        .configure_legend(
            labelColor=INK,
            titleColor=INK,
            labelFontSize=12,
            orient="top",
            title=None,
            columns=4 if width > WIDTHS["phone"] else 2,
            labelLimit=200,
            columnPadding=24,
            symbolOpacity=1,
        )
        .configure_view(stroke=None)
    )
