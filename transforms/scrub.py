"""Mask what names a person: placeholders of a known class, never their value.

Rules in the order they are tried: the row's known names, then links, addresses, accounts,
domains, phone numbers and ids, by pattern. Whatever the batch, a row's result depends on that
row alone, and scrubbing twice changes nothing.
"""

from typing import Final

import polars as pl

from transforms.characters import TRICKS, plain
from transforms.checked import CHECKED, NUMBERED, Checked
from transforms.entities import mask_entities
from transforms.grammar import Group
from transforms.institutions import EMPLOYED, EMPLOYERS
from transforms.known_names import mask_names, rows_with_names
from transforms.masks import MASKS, PLACEHOLDER, SPARED, sealed, unsealed
from transforms.names_model import load
from transforms.patterns import AFTER, BEFORE, GROUPS

SCRUBBER_VERSION: Final = 40  # ten more with every change that may mask more
MASK_COUNTS: Final = pl.List(pl.Struct({"mask": pl.String, "count": pl.Int64}))


def scrubber_version(*, with_model: bool) -> int:
    """Tell the version of the masking rules: one more where the names model reads as well."""
    return SCRUBBER_VERSION + with_model


def scrub(
    texts: pl.DataFrame, *, names: pl.Series | None = None, with_model: bool = False
) -> pl.DataFrame:
    """Mask every column of `texts` (strings, one row a post); n rows to n rows, in order.

    `names` lists what each row's author and the accounts it points at are called. A column
    `masks` is added: how many placeholders of each class the row holds. Null stays null. With
    the model, names are looked for on the third level too (`names_model.py`).

    Raises:
        ValueError: `names` is not as long as `texts`.
        ModelMissing: the model's packages are not installed.
    """
    if with_model:
        load()
    known = _known(texts, names)
    post = pl.Series("post", range(texts.height), pl.UInt32)
    stacked = pl.concat(
        pl.DataFrame([post, texts[column].rename("text"), known]) for column in texts.columns
    ).with_row_index("row")
    masked = _mask_posts(stacked.drop_nulls("text"), with_model=with_model)
    whole = stacked.select("row", "post").join(masked, on="row", how="left", maintain_order="left")
    columns = [
        whole["text"].slice(number * texts.height, texts.height).rename(column)
        for number, column in enumerate(texts.columns)
    ]
    return texts.with_columns(*columns, _counts(whole, texts.height))


def _mask_posts(rows: pl.DataFrame, *, with_model: bool) -> pl.DataFrame:
    """Mask `row`, `post`, `text`, `names` by every rule until nothing is left to mask."""
    done = pending = rows
    while not pending.is_empty():
        before = pending.select("row", before="text")
        masked = mask(pending.select("row", "text", "names"))
        rewritten = pending.update(masked, on="row", maintain_order="left")
        after = mask_entities(rewritten, with_model=with_model)
        changed = after.join(before, on="row").filter(pl.col("text") != pl.col("before"))
        done = done.update(changed.select("row", "text"), on="row", maintain_order="left")
        pending = done.join(changed.select("post"), on="post", how="semi", maintain_order="left")
    return done.select("row", "text")


def mask(rows: pl.DataFrame) -> pl.DataFrame:
    """Mask `text` of `row`, `text`, `names` by known names and patterns, to the end; n to n."""
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
        return pl.Series("names", [[]], pl.List(pl.String)).new_from_index(0, texts.height)
    if len(names) != texts.height:
        raise ValueError(f"{texts.height} texts need as many lists of names, not {len(names)}")
    return names.rename("names")


def _mask_once(rows: pl.DataFrame) -> pl.DataFrame:
    """Try every rule once on the rows that any of them might touch; those rows come back."""
    text = pl.col("text")
    tricky = rows.filter(text.str.contains(TRICKS)).with_columns(plain(text))
    if not tricky.is_empty():
        rows = rows.update(tricky, on="row", maintain_order="left")
    named = rows_with_names(rows)
    triggers = pl.any_horizontal(
        text.str.contains(trigger)
        for trigger in (NUMBERED, EMPLOYED, *(group.trigger for group in GROUPS))
    )
    touched = pl.col("row").is_in(pl.concat([tricky["row"], named["row"]]).implode())
    rows = rows.filter(triggers | touched)
    if rows.is_empty():
        return rows
    rows = rows.with_columns(sealed(text))
    rows = _without_names(rows, named)
    for group in BEFORE:
        rows = _apply(group, rows)
    for trigger, checked in ((NUMBERED, CHECKED), (EMPLOYED, EMPLOYERS)):
        rows = _verify(trigger, checked, rows)
    for group in AFTER:
        rows = _apply(group, rows)
    return rows.with_columns(unsealed(text).str.replace_all(SPARED, "@", literal=True))


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


def _verify(trigger: str, checked: tuple[Checked, ...], rows: pl.DataFrame) -> pl.DataFrame:
    """Mask what a check confirms, row by row: few rows hold anything to check."""
    triggered = rows.filter(pl.col("text").str.contains(trigger))
    if triggered.is_empty():
        return rows
    hints = triggered.select(
        pl.col("text").str.contains(rule.hint).alias(str(number))
        for number, rule in enumerate(checked)
    )
    texts = triggered["text"].to_list()
    for rule, hinted in zip(checked, hints, strict=True):
        for at in hinted.arg_true().to_list():
            texts[at] = rule.apply(texts[at])
    masked = triggered.select("row").with_columns(text=pl.Series(texts, dtype=pl.String))
    return rows.update(masked, on="row", maintain_order="left")


def _counts(fields: pl.DataFrame, height: int) -> pl.Series:
    """Count each post's placeholders by class, classes in alphabetical order."""
    marked = fields.filter(pl.col("text").str.contains("[", literal=True))
    if marked.is_empty():
        return pl.Series("masks", [[]], MASK_COUNTS).new_from_index(0, height)
    found = (
        marked.select("post", mask=pl.col("text").str.extract_all(PLACEHOLDER))
        .explode("mask")
        .with_columns(pl.col("mask").str.extract(r"^\[([A-Z]+(?::[a-z_]+)?)"))
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
