"""Identifying details that coders marked in a masked text: masked in the stored post at once.

Masks only grow. What stood at the mark is replaced; evidence in that text is void, since its
offsets are, and a drawn unit counts as reworded until no task shows the old text. Codings stay: the
post says what it said.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from warehouse.connection import Warehouse
from warehouse.taken_back import note_reworded
from warehouse.units import NO_WORDING

DETAIL: Final = "identifying_detail"
MASK: Final = "[DETAIL]"
_GAP: Final = 2  # code points of the blank line between the parts of a unit's text
_PARTS: Final = (("text", ""), ("alt_text", "Picture: "), ("quoted_text", "Link card: "))
_MARKED = """
select distinct
    posts.post_key, posts.text, posts.alt_text, posts.quoted_text,
    spans.span_start, spans.span_end
from landed.evidence_spans as spans
inner join intermediate.latest_codings as codings
    on spans.annotation_id = codings.annotation_id
    and spans.revised_at = codings.revised_at
    and spans.code_id = codings.code_id
inner join landed.post_versions as posts on spans.unit_key = posts.post_key
where spans.code_id = $1 and codings.value > 0
    and codings.unit_kind in ('root', 'reply', 'thread')
order by all
"""


class _Cut(NamedTuple):
    """A stretch of one of a post's texts that is to be masked."""

    start: int
    end: int


def mask_details(warehouse: Warehouse) -> int:
    """Mask what coders marked as identifying; return how many posts changed."""
    marked = warehouse.frame(_MARKED, [DETAIL])
    rows = [
        masked(part.row(0, named=True), part.select("span_start", "span_end").rows())
        for part in marked.partition_by("post_key", maintain_order=True)
    ]
    if not rows:
        return 0
    texts = {name: pl.String for name, _ in _PARTS}
    schema = {"post_key": pl.UInt64, **texts, "count": pl.Int64}
    batch = pl.DataFrame(rows, schema=schema)
    with warehouse.transaction(), warehouse.showing("batch", batch):
        warehouse.execute(
            "update landed.post_versions as posts set text = batch.text, "
            "alt_text = batch.alt_text, quoted_text = batch.quoted_text, "
            "masks = list_append(posts.masks, {'mask': 'DETAIL', 'count': batch.count}) "
            "from batch where posts.post_key = batch.post_key"
        )
        for table, column in (("evidence_spans", "unit_key"), ("duplicate_sketches", "post_key")):
            warehouse.execute(
                f"delete from landed.{table} where {column} in (select post_key from batch)"
            )
        warehouse.execute(
            f"update landed.units set version_key = {NO_WORDING} "
            "where unit_kind in ('root', 'reply', 'thread') "
            "and unit_key in (select post_key from batch)"
        )
        note_reworded(warehouse)
    return batch.height


def masked(post: Mapping[str, Any], spans: list[tuple[int, int]]) -> dict[str, Any]:
    """Return a post's texts with the spans of its unit's text masked.

    A span is in code points of the text a coder sees; its end is exclusive.
    """
    changed: dict[str, Any] = {"post_key": post["post_key"]}
    for name, begin, value in _places(post):
        cuts = sorted(
            _Cut(max(start - begin, 0), min(end - begin, len(value)))
            for start, end in spans
            if start < begin + len(value) and end > begin
        )
        changed[name] = _with_masks(value, cuts)
    texts = {name: changed.get(name, post[name]) for name, _ in _PARTS}
    changed |= texts
    return changed | {"count": sum((text or "").count(MASK) for text in texts.values())}


def _places(post: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Tell where each text begins in what a coder sees: after its heading and a blank line."""
    at = 0
    for name, heading in _PARTS:
        value = post[name]
        if not value:
            continue
        at += _GAP if at else 0
        yield name, at + len(heading), value
        at += len(heading) + len(value)


def _with_masks(value: str, cuts: list[_Cut]) -> str:
    """Put one mask in place of each stretch; stretches that touch are one."""
    pieces: list[str] = []
    at = 0
    for cut in cuts:
        if pieces and cut.start < at:
            at = max(at, cut.end)
            continue
        pieces += [value[at : cut.start], MASK]
        at = cut.end
    return "".join((*pieces, value[at:]))
