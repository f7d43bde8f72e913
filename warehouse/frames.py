"""Frames at the door: a contract's rows and columns, nothing more, nothing less."""

import dataframely as dy
import polars as pl

from schema.accounts import Account, PostLabel, Wish
from schema.coding import Coding, EvidenceSpan, Unit
from schema.errors import WarehouseError
from schema.frames import validated
from schema.interactions import Interaction
from schema.posts import DuplicateMark, EngagementSnapshot, Post
from schema.removals import Removal
from warehouse.clock import strip_zones

Contract = type[
    Post
    | EngagementSnapshot
    | DuplicateMark
    | Removal
    | Account
    | Wish
    | PostLabel
    | Interaction
    | Unit
    | Coding
    | EvidenceSpan
]


def admitted(contract: Contract, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame's rows as the store keeps them; n rows to n rows.

    Raises:
        WarehouseError: the frame is not of this contract; names columns and rules, no value.
    """
    wanted = set(contract.column_names())
    if strange := sorted(set(frame.columns) - wanted):
        raise WarehouseError(
            f"the store takes {contract.__name__} rows only: column {strange[0]} does not belong "
            "there; pseudonymize first"
        )
    if missing := sorted(wanted - set(frame.columns)):
        raise WarehouseError(
            f"the store takes {contract.__name__} rows only: column {missing[0]} is missing"
        )
    try:
        valid = validated(contract, frame)
    except (dy.exc.SchemaError, dy.exc.ValidationError) as error:
        raise WarehouseError(
            f"the store takes {contract.__name__} rows only: {_broken(contract, frame, error)}"
        ) from None
    return strip_zones(_spelled_out(valid.select(contract.column_names())))


def _spelled_out(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn enumerations into strings: a list of them, all lists empty, aborts DuckDB."""
    words = {
        name: pl.List(pl.String) if isinstance(kind, pl.List) else pl.String()
        for name, kind in frame.schema.items()
        if isinstance(kind.inner if isinstance(kind, pl.List) else kind, pl.Enum)
    }
    return frame.cast(pl.Schema(words))


def _broken(contract: Contract, frame: pl.DataFrame, error: Exception) -> str:
    """Say which rule broke, in counts."""
    if isinstance(error, dy.exc.SchemaError):
        odd = [
            name
            for name, column in contract.columns().items()
            if not column.validate_dtype(frame.schema[name])
        ]
        return f"column {', '.join(odd)} has another type"
    counts = contract.filter(frame).failure.counts()
    return ", ".join(f"{rule} fails for {count} rows" for rule, count in sorted(counts.items()))
