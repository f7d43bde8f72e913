"""What a coder marks as identifying is masked in the post, and the old words are void."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.support.warehouse_rows import NOW, coding, codings, opened, post, save, spans, units
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store
from warehouse.details import MASK, masked

TEXT = "I work nights at Invented Bakery by the old weir, and nobody knows."
NAME = "Invented Bakery"


def test_a_marked_detail_is_masked_and_the_unit_goes_out_anew(tmp_path: Path) -> None:
    start = TEXT.index(NAME)
    picture = "a sign that reads Weir Lane"
    told = coding(1, "identifying_detail", 1)
    card = len(f"{TEXT}\n\nPicture: a sign that reads ")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, text=TEXT, alt_text=picture), post(2, text=TEXT))
        drawn = units((1, 1001), (2, 2001))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
        marks = spans(
            (told["annotation_id"], 1, "identifying_detail", start, start + len(NAME)),
            (told["annotation_id"], 1, "identifying_detail", card, card + len("Weir Lane")),
        )
        store.save_codings(warehouse, codings(told), marks, now=NOW)
        assert store.mask_details(warehouse) == 1
        assert store.mask_details(warehouse) == 0
        shown, other = store.coding_tasks(warehouse, "W1", "R1", "root")
        assert shown.text == f"{TEXT}\n\nPicture: {picture}".replace(NAME, MASK).replace(
            "Weir Lane", MASK
        )
        assert other.text == TEXT  # nobody marked anything there
        assert store.reworded_units(warehouse) == {1}
        assert store.read_coded_round(warehouse, "W1", "R1", "1.0.0").codings.height == 1
        assert warehouse.scalar("select count(*) from landed.evidence_spans") == 0


@given(
    st.text(min_size=1, max_size=30),
    st.none() | st.text(min_size=1, max_size=10),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4),
)
def test_nothing_marked_stays_and_nothing_else_goes(
    text: str, picture: str | None, marks: list[tuple[int, int]]
) -> None:
    row = {"post_key": 1, "text": text, "alt_text": picture, "quoted_text": None}
    whole = text if picture is None else f"{text}\n\nPicture: {picture}"
    places = [(start, min(start + size, len(whole))) for start, size in marks if start < len(whole)]
    found = masked(row, places)
    hit = {place for start, end in places for place in range(start, end)}
    kept = "".join(char for place, char in enumerate(text) if place not in hit)
    assert found["text"].replace(MASK, "") == kept.replace(MASK, "")
    assert found["post_key"] == 1
    assert (found["alt_text"] is None) == (picture is None)
