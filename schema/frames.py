"""Frames of a contract without asking twice: pages are small, and asking takes milliseconds."""

from functools import cache
from typing import TypeVar, cast

import dataframely as dy
import polars as pl

Contract = TypeVar("Contract", bound=dy.Schema)


@cache
def empty(contract: type[Contract]) -> dy.DataFrame[Contract]:
    """Return a contract's frame without rows; nobody can change it."""
    return contract.create_empty()


def validated(
    contract: type[Contract], rows: pl.DataFrame, *, cast: bool = False
) -> dy.DataFrame[Contract]:
    """Validate rows; where there are none, nothing is asked.

    Raises:
        ValidationError: a row breaks a rule.
        SchemaError: a column is missing or, without `cast`, of another type.
    """
    return empty(contract) if rows.is_empty() else contract.validate(rows, cast=cast)


def kept(frame: dy.DataFrame[Contract], where: pl.Series | pl.Expr) -> dy.DataFrame[Contract]:
    """Keep some rows: what is left is as valid as it was."""
    return cast("dy.DataFrame[Contract]", frame.filter(where))
