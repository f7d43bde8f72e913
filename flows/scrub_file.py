"""`confide scrub`: mask a column of anybody's table, by the rules that collected posts pass."""

from collections import Counter
from pathlib import Path
from typing import Final

import polars as pl

from flows.plain_files import Added, Texts, rewritten
from flows.progress import bar_by_bytes
from transforms.names_model import load
from transforms.scrub import scrub
from transforms.spans import spans

SPANS: Final = "spans"


def scrub_file(
    source: Path, target: Path, *, column: str, with_spans: bool, with_model: bool = False
) -> dict[str, int]:
    """Write `source` with `column` masked to `target`; return rows and placeholders by class.

    With spans, a column `spans` tells of each row what was masked: start and end in code points
    of the input, and the class. With the model, names are looked for on the third level too.

    Raises:
        BadInput: a file, column or row does not fit.
        ModelMissing: the model's packages are not installed.
    """
    if with_model:
        load()
    counts: Counter[str] = Counter({"rows": 0})
    size = source.stat().st_size if source.is_file() else 0
    added = SPANS if with_spans else None
    with (
        bar_by_bytes({source.name: size}, is_wanted=True),
        rewritten(source, target, column, added=added) as pieces,
    ):
        for piece in pieces:
            read = pl.DataFrame({"text": piece.texts}, schema={"text": pl.String})
            masked = scrub(read, with_model=with_model)
            texts = masked["text"].to_list()
            told: Added = {column: texts}
            if with_spans:
                told[SPANS] = _spans(piece.texts, texts)
            piece.put(told)
            counts["rows"] += len(texts)
            for mask in masked["masks"].explode(keep_nulls=False, empty_as_null=False):
                counts[mask["mask"]] += mask["count"]
    return {"rows": counts.pop("rows"), **dict(sorted(counts.items()))}


def _spans(texts: Texts, masked: Texts) -> list[list[tuple[int, int, str]]]:
    return [
        spans(text, after) if text is not None and after is not None else []
        for text, after in zip(texts, masked, strict=True)
    ]
