"""Codings, labels and agreement: revisions, majorities, and the safety code kept out."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotation.agreement import agreement
from annotation.agreement_parts import agreement_parts
from annotation.codebook import load_codebook
from annotation.span_agreement import NO_SPAN
from schema.errors import WarehouseError
from tests.support.warehouse_rows import (
    NOW,
    coding,
    codings,
    opened,
    post,
    removals,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store
from warehouse.models import make_views

CODE = "struggleposting"
LATER = NOW + timedelta(hours=1)
MONDAY = NOW.date() - timedelta(days=NOW.weekday())


def drawn(warehouse: store.Warehouse, *keys: int) -> None:
    """Save and draw posts, and read their round."""
    save(warehouse, *(post(key) for key in keys))
    rows = units(*((key, key * 1000 + 1) for key in keys))
    store.save_units(warehouse, rows, plan=PLAN, frame=frame_of(warehouse))
    store.set_current_round(warehouse, "W1", "R1", "1.0.0", adjudicators=["a1"])


def keep(warehouse: store.Warehouse, *rows: dict[str, Any], **other: Any) -> int:
    """Save codings without evidence."""
    return store.save_codings(warehouse, codings(*rows), spans(), now=NOW, **other)


def labels(warehouse: store.Warehouse) -> list[tuple[Any, ...]]:
    return warehouse.execute("select unit_key, value, certainty, label_route from label order by 1")


@pytest.mark.parametrize(
    ("values", "settled"),
    [
        ([2], (2, "single")),
        ([1, 1], (1, "majority")),
        ([0, 0, 2], (0, "majority")),
        ([1, 2], (None, None)),
        ([0, 2], (None, None)),
        ([0, 1, 2], (None, None)),
        ([1, 1, 2, 2], (None, None)),
        ([0, 0, 0, 2], (0, "majority")),
    ],
)
def test_a_value_is_settled_by_more_than_half_of_the_coders(
    tmp_path: Path, values: list[int], settled: tuple[int | None, str | None]
) -> None:
    rows = [coding(1, CODE, value, coder=f"c{n}") for n, value in enumerate(values, start=1)]
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        keep(warehouse, *rows)
        [(_, value, _, route)] = labels(warehouse)
        assert (value, route) == settled
        keep(warehouse, coding(1, CODE, 1, coder="a1", certainty=2))
        assert labels(warehouse) == [(1, 1, 2, "adjudicated")]


def test_the_last_revision_of_a_coder_counts_whole(tmp_path: Path) -> None:
    first = [coding(1, CODE, 2), coding(1, "theme_stigma_openness", 1)]
    second = coding(1, CODE, 1, revised_at=LATER, certainty=1)
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        assert keep(warehouse, *first) == 2
        assert keep(warehouse, *first) == 0
        assert keep(warehouse, second) == 1
        assert labels(warehouse) == [(1, 1, 1, "single")]
        assert warehouse.scalar("select count(*) from landed.codings") == 3


def test_a_retracted_annotation_counts_no_more(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        keep(warehouse, coding(1, CODE, 2), coding(1, CODE, 0, coder="c2"))
        known = store.known_annotations(warehouse, "W1", "R1", "root", "c1", "1.0.0")
        assert known == {1: {101}}
        assert keep(warehouse, retracted=[101, 5], stream="ls", position="mark") == 0
        assert labels(warehouse) == [(1, 0, 3, "single")]
        assert store.known_annotations(warehouse, "W1", "R1", "root", "c1", "1.0.0") == {}
        assert store.retract_annotations(warehouse, [101], at=NOW) == 0
        assert store.read_position(warehouse, "ls") == "mark"


def test_a_unit_counts_as_coded_by_who_coded_its_drawn_wording(tmp_path: Path) -> None:
    def coded(coder: str = "c1", version: str = "1.0.0") -> set[int]:
        return store.coded_units(warehouse, "W1", "R1", "root", coder, version)

    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2)
        keep(warehouse, coding(1, CODE, 2), coding(2, CODE, 0, coder="c2"))
        assert (coded(), coded("c2"), coded("c3")) == ({1}, {2}, set())
        assert coded(version="9.0.0") == set()
        save(warehouse, post(1, version_key=1002, text="Mended.", edited_at=NOW))
        store.requeue_units(warehouse, store.reworded_units(warehouse))
        assert coded() == set()
        keep(warehouse, retracted=[202], stream="ls", position="mark")
        assert coded("c2") == set()


def test_the_safety_code_is_refused_and_nothing_of_its_page_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        with pytest.raises(WarehouseError, match="safety log"):
            keep(warehouse, coding(1, CODE, 1), coding(1, "crisis_flag", 1))
        marked = spans((101, 1, "crisis_flag", 0, 3))
        with pytest.raises(WarehouseError, match="safety log"):
            store.save_codings(warehouse, codings(), marked, now=NOW)
        assert labels(warehouse) == []
        store.save_codebook(warehouse, load_codebook())
        assert warehouse.scalar("select count(*) from codebook where code_id = 'crisis_flag'") == 0


def test_codings_of_removed_withheld_or_foreign_units_are_not_stored(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2)
        store.withhold_units(warehouse, [2], at=NOW)
        rows = [coding(key, CODE, 1) for key in (1, 2, 3)]
        assert keep(warehouse, *rows, coding(1, CODE, 1, wave="W9", annotation_id=7)) == 1
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_an_edit_voids_codings_and_evidence_of_the_old_wording(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        evidence = spans((101, 1, CODE, 0, 3))
        store.save_codings(warehouse, codings(coding(1, CODE, 2)), evidence, now=NOW)
        save(warehouse, post(1, version_key=1002, text="Mended.", edited_at=NOW))
        assert labels(warehouse) == []
        assert warehouse.scalar("select count(*) from landed.evidence_spans") == 0
        late = codings(coding(1, CODE, 2, revised_at=LATER))
        store.save_codings(warehouse, late, evidence, now=NOW)
        assert warehouse.scalar("select count(*) from evidence_span") == 0
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_evidence_points_into_the_published_text(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        text = warehouse.scalar("select text from landed.post_versions")
        at = text.index("nobody came")
        evidence = spans((101, 1, CODE, at, at + 11), (101, 1, CODE, 0, 3))
        rows = codings(coding(1, CODE, 2), coding(1, "out_of_scope", 0))
        store.save_codings(warehouse, rows, evidence, now=NOW)
        store.save_codings(warehouse, rows, evidence, now=NOW)
        found = warehouse.execute(
            "select text_masked[span_start + 1:span_end] from evidence_span "
            "inner join post on unit_key = post_key order by 1"
        )
        shown = warehouse.execute(
            "select code_id, span_end - span_start from annotation order by 1"
        )
    assert found == [("The",), ("nobody came",)]
    assert shown == [("out_of_scope", None), (CODE, 3)]


def test_versions_and_rounds_never_mix_in_labels(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        store.save_units(
            warehouse,
            units((1, 1001), round_="R2"),
            plan=type(PLAN)(round="R2"),
            frame=frame_of(warehouse),
        )
        other = {"coder": "c2", "annotation_id": 900}
        keep(warehouse, coding(1, CODE, 2), coding(1, CODE, 0, codebook_version="2.0.0", **other))
        keep(warehouse, coding(1, CODE, 1, round="R2", annotation_id=901))
        assert labels(warehouse) == [(1, 2, 3, "single")]
        store.set_current_round(warehouse, "W1", "R1", "2.0.0")
        assert labels(warehouse) == [(1, 0, 3, "single")]
        store.set_current_round(warehouse, "W1", "R2", "1.0.0")
        assert labels(warehouse) == [(1, 1, 3, "single")]
        assert warehouse.execute("select unit_key, wave from sample_unit") == [(1, "W1")]
        seen = store.read_coded_round(warehouse, "W1", "R1", "1.0.0").codings
        assert seen.rows() == [("root 1", "root", "c1", CODE, 2, MONDAY)]


def test_agreement_of_a_round_is_measured_stored_and_read_back(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        keys = range(1, 13)
        drawn(warehouse, *keys)
        keep(
            warehouse,
            *(coding(key, CODE, key % 3, coder=f"c{n}") for key in keys for n in (1, 2)),
            coding(1, CODE, 0, coder="a1"),
        )
        coded = store.read_coded_round(warehouse, "W1", "R1", book.version)
        measured = agreement(coded.codings, book, seed=1)
        arms = coded.codings.with_columns(arm=pl.lit("random"))
        parts = agreement_parts(arms, book, repeats=coded.repeats, seed=1)
        for _ in range(2):
            store.save_agreement(warehouse, measured, parts=parts, wave="W1", round_="R1", now=NOW)
        [row] = store.read_agreement(warehouse).to_dicts()
        apart = warehouse.execute("select part_kind, part, alpha from agreement_parts order by all")
    assert (row["code_id"], row["alpha"], row["is_floor_met"]) == (CODE, 1.0, True)
    assert (row["n_units"], row["n_coders"], row["codebook_version"]) == (12, 2, "1.0.0")
    assert (row["span_f1"], row["span_reason"]) == (None, NO_SPAN)
    assert ("arm", "random", 1.0) in apart
    assert ("coders", "c1 x c2", 1.0) in apart
    assert len(apart) == len(set(apart)) + 1  # of the sets, two levels agree


def test_evidence_and_what_a_coder_says_again_are_read_beside_the_codings(tmp_path: Path) -> None:
    first, last = coding(1, CODE, 2), coding(1, CODE, 1, annotation_id=9, coded_at=LATER)
    last |= {"revised_at": LATER + timedelta(hours=1), "round": "R1-b"}
    unplanned = coding(2, CODE, 0, annotation_id=10, round="R1-b")
    corrected = {**first, "value": 0, "revised_at": LATER}
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2)
        repeat = units((1, 1001), (2, 2001), round_="R1-b")
        plan = type(PLAN)(round="R1-b")
        store.save_units(warehouse, repeat, plan=plan, frame=frame_of(warehouse))
        planned = store.Assignment("root", 1, "c1", 1, False, NOW)
        store.save_assignments(warehouse, "W1", "R1-b", "1.0.0", [planned], at=NOW)
        for_all = replace(planned, unit_key=2, is_sentinel=True)
        store.save_assignments(warehouse, "W1", "R1", "1.0.0", [planned, for_all], at=NOW)
        store.save_codings(
            warehouse,
            codings(first, corrected, last, coding(2, CODE, 1), unplanned),
            spans((101, 1, CODE, 0, 3), (201, 2, CODE, 4, 7)),
            now=NOW,
        )
        coded = store.read_coded_round(warehouse, "W1", "R1", "1.0.0")
    assert coded.repeats.rows() == [
        ("root 1", "c1", CODE, "first", 0),
        ("root 1", "c1", CODE, "last", 1),
    ]
    assert coded.sentinels == {"root 2"}
    assert coded.spans.rows() == [("root 2", "c1", CODE, 4, 7)]


def test_a_codebook_stands_once_coding_under_it_began(tmp_path: Path) -> None:
    book = load_codebook()
    milder = book.claims[0].model_copy(update={"sesoi": 0.01})
    changed = book.model_copy(update={"claims": (milder, *book.claims[1:])})
    with opened(tmp_path / "w.duckdb") as warehouse:
        store.save_codebook(warehouse, book)
        store.save_codebook(warehouse, book)
        assert warehouse.scalar("select count(*) from claims") == len(book.claims)
        store.save_codebook(warehouse, changed)
        drawn(warehouse, 1)
        keep(warehouse, coding(1, CODE, 1))
        store.save_codebook(warehouse, changed)
        with pytest.raises(WarehouseError, match="give the changed codebook a new version"):
            store.save_codebook(warehouse, book)


def test_unsettled_codes_are_null_in_views_and_out_of_scope_units_are_absent(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2)
        keep(warehouse, coding(1, CODE, 0), coding(1, CODE, 2, coder="c2"))
        keep(warehouse, coding(2, CODE, 1), coding(2, "out_of_scope", 1))
        make_views(warehouse.connection)
        rows = warehouse.frame("select post_key, struggleposting, w from v_post")
    assert rows.rows() == [(1, None, 2.0)]
    assert rows.schema["post_key"] == pl.UInt64


def test_evidence_in_a_threads_replies_goes_with_the_reply_and_with_the_thread(
    tmp_path: Path,
) -> None:
    code = "theme_risks_rewards"
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2)
        replies = [post(n, parent_key=1) for n in (21, 22, 23)]
        save(warehouse, *replies)
        for kind, keys in (("reply", (21, 22)), ("thread", (1,))):
            rows = units(*((key, key * 1000 + 1) for key in keys), kind=kind)
            plan = type(PLAN)(unit_kind=kind)
            store.save_units(warehouse, rows, plan=plan, frame=frame_of(warehouse, kind))
        said = [coding(1, code, 1, coder=c, unit_kind="thread") for c in ("c1", "c2")]
        # 23 was not drawn, and a root is nobody's reply
        places = [(101, 1), (101, 21), (101, 22), (101, 23), (101, 2), (102, 22)]
        evidence = spans(*((a, key, code, 4, 10) for a, key in places))
        store.save_codings(warehouse, codings(*said), evidence, now=NOW)
        held = "select annotation_id, unit_key from evidence_span order by all"
        assert warehouse.execute(held) == [(101, 1), (101, 21), (101, 22), (102, 22)]
        assert warehouse.execute("select span_start from annotation order by coder_key") == [
            (4 + len("Title 1") + 2,),
            (None,),
        ]
        coded = store.read_coded_round(warehouse, "W1", "R1", "1.0.0")
        marked = coded.spans.filter(pl.col("coder") == "c1")
        assert marked["start"].n_unique() == 3  # places in different posts never meet
        both = coded.spans.group_by("start").len().filter(pl.col("len") > 1)
        assert both.height == 1
        store.remove(warehouse, removals(21), now=NOW)
        assert warehouse.execute(held) == [(101, 1), (101, 22), (102, 22)]
        save(warehouse, post(22, parent_key=1, version_key=5, text="Mended.", edited_at=NOW))
        assert warehouse.execute(held) == [(101, 1)]
        store.remove(warehouse, removals(1), now=NOW)
        assert warehouse.scalar("select count(*) from landed.evidence_spans") == 0
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_evidence_in_a_reply_goes_with_its_threads_root(tmp_path: Path) -> None:
    code = "theme_risks_rewards"
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        save(warehouse, post(21, parent_key=1))
        for kind, key in (("reply", 21), ("thread", 1)):
            plan = type(PLAN)(unit_kind=kind)
            rows = units((key, key * 1000 + 1), kind=kind)
            store.save_units(warehouse, rows, plan=plan, frame=frame_of(warehouse, kind))
        said = codings(coding(1, code, 1, unit_kind="thread"))
        store.save_codings(warehouse, said, spans((101, 21, code, 4, 10)), now=NOW)
        store.remove(warehouse, removals(1), now=NOW)
        assert warehouse.scalar("select count(*) from landed.evidence_spans") == 0
