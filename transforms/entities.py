"""Names and places put behind placeholders; a name keeps one number throughout its post.

`[NAME]` is the first person a post names, `[NAME 2]` the second. A part of a longer name is the
same person: Orla Quimby, later Orla, later Quimby. From the 99th person on all share a number.
"""

from typing import Final

import numpy as np
import polars as pl

from transforms.masks import NAMES_COUNT, SEAL, name_seal, sealed, unsealed
from transforms.names_model import find_more
from transforms.people import find_people
from transforms.places import find_places
from transforms.tokens import (
    APOSTROPHE,
    BLANK,
    FULL_STOP,
    HYPHEN,
    LETTER,
    Mask,
    Tokens,
    tokens,
)  # fmt: skip

_NAME_SEALS: Final = f"[{SEAL['NAME']}{name_seal(2)}-{name_seal(NAMES_COUNT)}]"

_NUMBERS: Final = range(1, NAMES_COUNT + 1)
_SEALS: Final = pl.DataFrame(
    {"number": _NUMBERS, "seal": [name_seal(number) for number in _NUMBERS]},
    schema={"number": pl.Int64, "seal": pl.String},
)


def mask_entities(rows: pl.DataFrame, *, with_model: bool = False) -> pl.DataFrame:
    """Mask names and places of `row`, `post` and `text`; n rows to n rows, in order.

    With the model, what it sees of the words that lists and rules leave uncertain as well.

    `text` must not be null; a post's rows must all be there, in the order of their reading.
    """
    hidden = rows.with_columns(sealed(pl.col("text")))
    taken = tokens(hidden)
    places = find_places(taken)
    people = find_people(taken, places)
    if with_model:
        more_people, more_places = find_more(taken, people, places)
        people, places = people | more_people, places | more_places
    if not (places.any() or people.any()):
        return rows
    mentions = pl.concat([_places(taken, places), _numbered(_mentions(taken, people), hidden)])
    changed = _rewritten(taken, mentions)
    texts = changed.with_columns(unsealed(pl.col("text")))
    return rows.update(texts, on="row", maintain_order="left")


def _spans(taken: Tokens, found: Mask) -> pl.DataFrame:
    """Join neighbouring words to mentions: `row`, `first` and `last` piece, and the words."""
    joined = np.isin(taken.before, (BLANK, HYPHEN, APOSTROPHE))
    joined |= (taken.before == FULL_STOP) & taken.at(taken.shape == LETTER, -1)
    goes_on = found & taken.at(found, -1) & joined
    at = np.flatnonzero(found)
    words = pl.DataFrame(
        {
            "mention": np.cumsum(~goes_on[at]),
            "row": taken.row[at],
            "piece": taken.piece[at],
            "lower": taken.lower.gather(at.tolist()),
        }
    )
    return words.group_by("mention", maintain_order=True).agg(
        pl.first("row"), first=pl.min("piece"), last=pl.max("piece"), words=pl.col("lower")
    )


def _places(taken: Tokens, found: Mask) -> pl.DataFrame:
    return _spans(taken, found).select("row", "first", "last", seal=pl.lit(SEAL["PLACE"]))


def _mentions(taken: Tokens, found: Mask) -> pl.DataFrame:
    return _spans(taken, found).with_columns(pl.col("row").cast(pl.UInt32))


def _numbered(mentions: pl.DataFrame, hidden: pl.DataFrame) -> pl.DataFrame:
    """Give each mention its person's seal: numbers go on where the post's own placeholders end."""
    posts = hidden.select("row", "post")
    taken = _taken(hidden)
    named = mentions.join(posts, on="row", maintain_order="left").with_columns(
        key=pl.col("words").list.first()
    )
    later = (
        named.select("post", "key", word=pl.col("words").list.slice(1))
        .explode("word", keep_nulls=False, empty_as_null=False)
        .unique(["post", "word"], keep="first", maintain_order=True)
    )
    linked = named.join(
        later.rename({"key": "of"}), left_on=["post", "key"], right_on=["post", "word"],
        how="left", maintain_order="left",
    ).with_columns(person=pl.coalesce("of", "key"))  # fmt: skip
    people = (
        linked.select("post", "person")
        .unique(maintain_order=True)
        .with_columns(number=pl.int_range(pl.len()).over("post") + 1)
        .join(taken, on="post", how="left", maintain_order="left")
        .with_columns(number=pl.col("number") + pl.col("taken").fill_null(0))
    )
    return (
        linked.join(people, on=["post", "person"], maintain_order="left")
        .with_columns(pl.col("number").cast(pl.Int64).clip(upper_bound=NAMES_COUNT))
        .join(_SEALS, on="number", maintain_order="left")
        .select(pl.col("row").cast(pl.Int64), "first", "last", "seal")
    )


def _taken(hidden: pl.DataFrame) -> pl.DataFrame:
    """Tell the highest number in use in each post that has any."""
    return (
        hidden.select("post", seal=pl.col("text").str.extract_all(_NAME_SEALS))
        .explode("seal", keep_nulls=False, empty_as_null=False)
        .join(_SEALS.rename({"number": "taken"}), on="seal")
        .group_by("post")
        .agg(pl.max("taken"))
    )


def _rewritten(taken: Tokens, mentions: pl.DataFrame) -> pl.DataFrame:
    """Put seals where mentions stand; the rows that have any, `row` and `text`."""
    inside = mentions.select(
        at=pl.int_ranges("first", pl.col("last") + 1), first="first", seal="seal"
    ).explode("at", keep_nulls=False, empty_as_null=False)
    put = inside.select(
        pl.col("at").cast(pl.UInt32),
        put=pl.when(pl.col("at") == pl.col("first")).then("seal").otherwise(pl.lit("")),
    ).unique("at", keep="first")
    touched = mentions.select(pl.col("row").cast(taken.pieces.schema["row"])).unique()
    return (
        taken.pieces.join(touched, on="row", how="semi", maintain_order="left")
        .join(put, on="at", how="left", maintain_order="left")
        .group_by("row", maintain_order=True)
        .agg(text=pl.coalesce("put", "piece").str.join(""))
    )
