"""`confide dedup`: mark a table's rows that say what an earlier row says, by a pass's own rules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import polars as pl

from flows.plain_paths import kind_of, whole
from flows.progress import bar_by_bytes, told
from schema.errors import BadInput
from transforms.deduplicate import find_duplicates

ADDED: Final = ("duplicate_of", "similarity", "cluster")
_READ: Final[dict[str, Callable[[Path], pl.LazyFrame]]] = {
    ".parquet": pl.scan_parquet,
    ".csv": lambda path: pl.scan_csv(path, infer_schema=False),
    ".ndjson": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
}
_WRITE: Final[dict[str, Callable[[pl.LazyFrame, Path], object]]] = {
    ".parquet": lambda rows, path: rows.sink_parquet(path),
    ".csv": lambda rows, path: rows.sink_csv(path),
    ".ndjson": lambda rows, path: rows.sink_ndjson(path),
}
_SAME_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)  # the number alone says which is first


def dedup_file(source: Path, target: Path, *, column: str) -> dict[str, int]:
    """Write `source` to `target` with three columns more; return rows, duplicates, clusters.

    `duplicate_of`: number of the first row that says the same, counted from 1, null where none
    does; `similarity` of the two, 1 where they are alike but for case and signs; `cluster`:
    the number that all rows share which say the same. The column is held in memory, the rest
    of the table is not.

    Raises:
        BadInput: a file, column or row does not fit.
    """
    kind_of(source, target)
    with _in_our_words(source):
        rows = _READ[source.suffix](source)
        _check_columns(source, rows.collect_schema(), column)
        texts = rows.select(pl.col(column).alias("text")).collect()["text"]
        with bar_by_bytes({source.name: source.stat().st_size}, is_wanted=True):
            marks = _marks(texts, source)
        with whole(target) as part:
            both = pl.concat([rows, marks.select(ADDED).lazy()], how="horizontal")
            _WRITE[source.suffix](both, part)
    found = marks.drop_nulls("duplicate_of")
    exact = int((found["match"] == "exact").sum())
    return {
        "rows": marks.height,
        "exact": exact,
        "near": found.height - exact,
        "clusters": found["cluster"].n_unique(),
    }


def _marks(texts: pl.Series, source: Path) -> pl.DataFrame:
    """Return the added columns and `match`; n texts to n rows."""
    posts = pl.DataFrame({"post_key": pl.int_range(len(texts), dtype=pl.UInt64, eager=True)})
    size = source.stat().st_size

    def texts_of(rows: pl.Series) -> pl.DataFrame:
        if len(rows):
            told(source.name, size * (int(rows[-1]) + 1) // len(texts))
        return pl.DataFrame({"post_key": rows, "text": texts.gather(rows)})

    nobody = pl.lit("").alias("author_pseudonym"), pl.lit("").alias("community_key")
    posts = posts.with_columns(*nobody, created_at=pl.lit(_SAME_INSTANT))
    found = find_duplicates(posts, texts_of, across_platforms=True).marks.select(
        "post_key",
        "similarity",
        "match",
        duplicate_of=pl.col("canonical_key") + 1,
        first=pl.col("canonical_key"),
    )
    marked = posts.select("post_key").join(found, on="post_key", how="left", maintain_order="left")
    is_first = pl.col("post_key").is_in(found["first"].unique().implode())
    own = pl.when(is_first).then(pl.col("post_key") + 1)
    return marked.with_columns(cluster=pl.coalesce("duplicate_of", own))


def _check_columns(source: Path, schema: pl.Schema, column: str) -> None:
    if column not in schema:
        raise BadInput(f"{source.name}: has no column {column}; --column takes one that it has")
    if schema[column] not in (pl.String, pl.Null):
        raise BadInput(
            f"{source.name}: column {column} holds no text; --column takes one that does"
        )
    for name in ADDED:
        if name in schema:
            raise BadInput(f"{source.name}: has a column {name} already; rename it first")


@contextmanager
def _in_our_words(source: Path) -> Iterator[None]:
    """Say that a file cannot be read without what the reader says: it may quote a row."""
    try:
        yield
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        kind = source.suffix.removeprefix(".")
        raise BadInput(f"{source.name}: a row is no {kind} that can be read; mend it") from None
