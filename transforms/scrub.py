"""Mask what names a person: placeholders of a known class, never their value.

Rules in the order they are tried: the row's known names, then links, addresses, accounts,
domains, phone numbers and ids, by pattern. Whatever the batch, a row's result depends on that
row alone, and scrubbing twice changes nothing.
"""

from typing import Final

import polars as pl

from transforms.characters import TRICKS, plain
from transforms.known_names import mask_names, rows_with_names
from transforms.masks import MASKS, PLACEHOLDERS, SEALS, SPARED
from transforms.patterns import GROUPS, Group

SCRUBBER_VERSION: Final = 1  # raise it with every change that may mask more
MASK_COUNTS: Final = pl.List(pl.Struct({"mask": pl.String, "count": pl.Int64}))


def scrub(texts: pl.DataFrame, *, names: pl.Series | None = None) -> pl.DataFrame:
    """Mask every column of `texts` (strings, one row a post); n rows to n rows, in order.

    `names` lists what each row's author and the accounts it points at are called. A column
    `masks` is added: how many placeholders of each class the row holds. Null stays null.

    Raises:
        ValueError: `names` is not as long as `texts`.
    """
    known = _known(texts, names)
    post = pl.Series("post", range(texts.height), pl.UInt32)
    stacked = pl.concat(
        pl.DataFrame([post, texts[column].rename("text"), known]) for column in texts.columns
    ).with_row_index("row")
    masked = mask(stacked.drop("post").drop_nulls("text"))
    whole = stacked.select("row", "post").join(masked, on="row", how="left", maintain_order="left")
    columns = [
        whole["text"].slice(number * texts.height, texts.height).rename(column)
        for number, column in enumerate(texts.columns)
    ]
    return texts.with_columns(*columns, _counts(whole, texts.height))


def mask(rows: pl.DataFrame) -> pl.DataFrame:
    """Mask `text` of `row`, `text`, `names` until nothing is left to mask; n rows to n rows."""
    done = rows.select("row", "text")
    pending = rows
    while not pending.is_empty():
        after = _mask_once(pending)
        changed = after.join(pending.select("row", before="text"), on="row", how="inner").filter(
            pl.col("text") != pl.col("before")
        )
        pending = changed.drop("before")
        done = done.update(pending.select("row", "text"), on="row", maintain_order="left")
    return done


def _known(texts: pl.DataFrame, names: pl.Series | None) -> pl.Series:
    if names is None:
        return pl.Series("names", [[]] * texts.height, pl.List(pl.String))
    if len(names) != texts.height:
        raise ValueError(f"{texts.height} texts need as many lists of names, not {len(names)}")
    return names.rename("names")


def _mask_once(rows: pl.DataFrame) -> pl.DataFrame:
    """Try every rule once on the rows that any of them might touch; those rows come back."""
    text = pl.col("text")
    tricky = rows.filter(text.str.contains(TRICKS)).with_columns(plain(text))
    rows = rows.update(tricky, on="row", maintain_order="left")
    named = rows_with_names(rows)
    triggers = pl.any_horizontal(text.str.contains(group.trigger) for group in GROUPS)
    touched = pl.col("row").is_in(pl.concat([tricky["row"], named["row"]]).implode())
    rows = rows.filter(triggers | touched).with_columns(
        text.str.replace_many(list(PLACEHOLDERS), list(SEALS))
    )
    rows = _without_names(rows, named)
    for group in GROUPS:
        rows = _apply(group, rows)
    unsealed = text.str.replace_many([*SEALS, SPARED], [*PLACEHOLDERS, "@"])
    return rows.with_columns(unsealed)


def _without_names(rows: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Mask known names, row by row: each row has its own, and few hold any."""
    if named.is_empty():
        return rows
    hits = rows.join(named.select("row", "found"), on="row", how="inner")
    texts = [
        mask_names(text, found)
        for text, found in zip(hits["text"], hits["found"].to_list(), strict=True)
    ]
    masked = hits.select("row").with_columns(text=pl.Series(texts, dtype=pl.String))
    return rows.update(masked, on="row", maintain_order="left")


def _apply(group: Group, rows: pl.DataFrame) -> pl.DataFrame:
    triggered = rows.filter(pl.col("text").str.contains(group.trigger))
    if triggered.is_empty():
        return rows
    text = pl.col("text")
    for rule in group.rules:
        text = text.str.replace_all(rule.pattern, rule.replacement)
    return rows.update(
        triggered.with_columns(text).select("row", "text"), on="row", maintain_order="left"
    )


def _counts(fields: pl.DataFrame, height: int) -> pl.Series:
    """Count each post's placeholders by class, classes in alphabetical order."""
    found = (
        fields.filter(pl.col("text").str.contains("[", literal=True))
        .select("post", mask=pl.col("text").str.extract_all(r"\[[A-Z]+(?::[a-z_]+)?\]"))
        .explode("mask")
        .with_columns(pl.col("mask").str.strip_chars("[]"))
        .filter(pl.col("mask").is_in(MASKS))
    )
    counts = (
        found.group_by("post", "mask")
        .agg(count=pl.len().cast(pl.Int64))
        .sort("post", "mask")
        .group_by("post", maintain_order=True)
        .agg(masks=pl.struct("mask", "count"))
    )
    posts = pl.DataFrame({"post": pl.Series(range(height), dtype=pl.UInt32)})
    joined = posts.join(counts, on="post", how="left", maintain_order="left")
    none = pl.lit([], dtype=MASK_COUNTS)
    return joined.select(pl.col("masks").cast(MASK_COUNTS).fill_null(none)).to_series()
