"""`confide agreement`: Krippendorff's alpha of anybody's table of codings, with its interval."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl

from annotation.agreement import measure, part_seed
from annotation.alpha import SET_LEVELS
from flows.plain_paths import ENDINGS
from flows.tables import as_table, interval_text
from schema.errors import BadInput

Level = Literal["nominal", "ordinal", "interval", "ratio", "set"]
LEVELS: Final[tuple[str, ...]] = get_args(Level)
MEMBERS: Final = "|"  # between the members of a set in a text cell
MANY_UNITS: Final = 5000  # of sets and ratios, whose distances are held unit by unit
SEED: Final = 1
_READ: Final[dict[str, Callable[[Path], pl.DataFrame]]] = {
    ".parquet": pl.read_parquet,
    ".csv": lambda path: pl.read_csv(path, infer_schema=False),
    ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
}


def agreement_file(
    source: Path, *, unit: str, coder: str, value: str, code: str | None, level: str
) -> list[dict[str, Any]]:
    """Return one row per code (of sets: two, by distance), in the codes' order.

    A row of the table is one coder's value for one unit; an empty cell, null and NaN are missing.
    At the level `set`, a cell is a list, or in text its members between `|`, or a JSON list: `[]`
    is the empty set. The interval is from 1,000 seeded resamplings of the units.

    Raises:
        BadInput: a file, column or row does not fit the level.
    """
    columns = {"unit": unit, "coder": coder, "value": value} | ({"code": code} if code else {})
    rows = _named(source, columns)
    if code is None:
        rows = rows.with_columns(code=pl.lit(""))
    _check_rows(source, rows)
    rows = rows.with_columns(_values(source, rows["value"], level))
    found = []
    for (name,), mine in rows.sort("code").group_by("code", maintain_order=True):
        for one in SET_LEVELS if level == "set" else (level,):
            _check_size(source, mine["unit"], one)
            measured = measure(mine, one, seed=part_seed(SEED, str(name)))  # type: ignore[arg-type]
            found.append(({"code": str(name)} if code else {}) | measured)
    return found


def as_text(rows: Sequence[dict[str, Any]]) -> str:
    """Draw the measures: alpha with its interval, on what it rests, and why there is none."""
    shown = [
        ({"code": row["code"]} if "code" in row else {})
        | {
            "level": row["level"],
            "alpha [95 %]": interval_text(row["alpha"], row["alpha_low"], row["alpha_high"]),
            "units": row["n_units"],
            "coders": row["n_coders"],
            "raw agreement": None
            if row["raw_agreement"] is None
            else f"{row['raw_agreement']:.3f}",
            "note": row["reason"],
        }
        for row in rows
    ]
    return as_table(shown)


def _named(source: Path, columns: dict[str, str]) -> pl.DataFrame:
    if source.suffix not in ENDINGS:
        raise BadInput(f"{source.name}: a table ends in {', '.join(ENDINGS)}; name it so")
    if not source.is_file():
        raise BadInput(f"{source}: there is no such file")
    if len(set(columns.values())) < len(columns):
        raise BadInput("one column cannot be two things: name another for one of them")
    try:
        table = _READ[source.suffix](source)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):  # what it says may quote a row
        kind = source.suffix.removeprefix(".")
        raise BadInput(f"{source.name}: a row is no {kind} that can be read; mend it") from None
    for option, column in columns.items():
        if column not in table.columns:
            raise BadInput(f"{source.name}: has no column {column}; --{option} takes one it has")
    return table.select(pl.col(column).alias(name) for name, column in columns.items())


def _check_rows(source: Path, rows: pl.DataFrame) -> None:
    for name in ("unit", "coder", "code"):
        is_empty = rows[name].is_null()
        if not rows[name].dtype.is_nested() and is_empty.any():
            raise BadInput(
                f"{source.name}: {is_empty.sum()} rows, the first of them number "
                f"{is_empty.arg_max() + 1}, name no {name}; mend or remove them"
            )
        if rows[name].dtype.is_nested():
            raise BadInput(f"{source.name}: --{name} takes a column of names or numbers")
    twice = rows.select("unit", "coder", "code").is_duplicated()
    if twice.any():
        raise BadInput(
            f"{source.name}: {twice.sum()} rows, the first of them number {twice.arg_max() + 1}, "
            "share unit, coder and code; keep one of each"
        )


def _values(source: Path, values: pl.Series, level: str) -> pl.Series:
    if level not in LEVELS:
        raise BadInput(f"--level takes {', '.join(LEVELS)}")
    if level == "set":
        return _sets(source, values)
    if values.dtype.is_nested():
        raise BadInput(f"{source.name}: --value holds lists; --level set measures them")
    if level == "nominal":
        return values if values.dtype.is_numeric() else values.cast(pl.String)
    numbers = values.cast(pl.Float64, strict=False)
    _refuse_where(
        source, numbers.is_null() & values.is_not_null(), f"hold no number, as {level} asks"
    )
    _refuse_where(source, numbers.is_infinite(), "are infinite")
    if level == "ratio":
        _refuse_where(source, numbers < 0, "lie below 0, which the ratio level does not know")
    return numbers


def _sets(source: Path, values: pl.Series) -> pl.Series:
    if values.dtype.is_nested():
        return values.cast(pl.List(pl.String))
    members = [_members(cell) for cell in values.cast(pl.String).to_list()]
    is_torn = pl.Series([isinstance(cell, str) for cell in members], dtype=pl.Boolean)
    _refuse_where(source, is_torn, "begin like a JSON list and are none")
    return pl.Series("value", members, dtype=pl.List(pl.String))


def _members(cell: str | None) -> list[str] | str | None:
    """Take a cell apart; it comes back whole where it is torn."""
    if cell is None:
        return None
    if not cell.lstrip().startswith("["):
        return [member.strip() for member in cell.split(MEMBERS)]
    try:
        held = json.loads(cell)
    except json.JSONDecodeError:
        return cell
    return [str(member) for member in held]


def _refuse_where(source: Path, is_wrong: pl.Series, told: str) -> None:
    wrong = is_wrong.fill_null(value=False)
    if wrong.any():
        raise BadInput(
            f"{source.name}: {wrong.sum()} values, the first in row {wrong.arg_max() + 1}, {told}; "
            "mend them or choose another --level"
        )


def _check_size(source: Path, units: pl.Series, level: str) -> None:
    if level in (*SET_LEVELS, "ratio") and (held := units.n_unique()) > MANY_UNITS:
        raise BadInput(
            f"{source.name}: {held} units are more than the {MANY_UNITS} that the ratio and set "
            "levels take; measure part of the table"
        )
