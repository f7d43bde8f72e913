"""What a report shows, read from the published file, with the cell rule applied.

Every frame is fit to leave the project: a cell of too few authors is blanked, and so is what it
could be worked out from (`warehouse.cells`).
"""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from warehouse.cells import suppress
from warehouse.corpus import Corpus
from warehouse.models import model

DAYS_SHOWN: Final = 200
# Frames whose rows are cells of authors, and the columns that tell them apart.
CELLS: Final[Mapping[str, Sequence[str]]] = {
    "weeks": ("week", "platform"),
    "sample": ("platform", "part"),
    "balance": ("week",),
    "engagement": ("part", "age"),
}
PLAIN: Final = (
    "coverage",
    "gaps",
    "agreement",
    "drift",
    "claims",
    "persistence",
    "versions",
    "round",
)


def read_figures(corpus: Corpus, *, minimum: int) -> Mapping[str, pl.DataFrame]:
    """Read all frames by name; no cell tells of fewer than `minimum` authors.

    Raises:
        BadInput: the file was published by another version.
    """
    figures = {name: _read(corpus, name) for name in PLAIN}
    for name, keys in CELLS.items():
        figures[name] = suppress(
            _read(corpus, name), keys=keys, authors="n_authors", minimum=minimum
        )
    few = pl.col("n_authors") < minimum
    figures["corpus"] = _blank(_read(corpus, "corpus"), few, ("n_posts", "n_threads", "n_authors"))
    shares = ("share", "low", "high", "n_authors")
    figures["prevalence"] = _blank(_read(corpus, "prevalence"), few, shares)
    figures["health"] = _blank(
        _read(corpus, "health"), pl.col("n_removed").is_between(1, minimum - 1), ("n_removed",)
    )
    return figures


def _read(corpus: Corpus, name: str) -> pl.DataFrame:
    parameters = [DAYS_SHOWN] if name == "coverage" else []
    return corpus.frame(model("report", name).sql, parameters)


def _blank(frame: pl.DataFrame, small: pl.Expr, columns: Sequence[str]) -> pl.DataFrame:
    """Blank columns where a cell is small and no total is told that could undo it."""
    return frame.with_columns(pl.when(~small).then(pl.col(columns)))
