"""Stored texts under newer masking rules: masked anew in place, and only ever more."""

from pathlib import Path

from flows.remask import mask_anew
from flows.workspace import open_workspace
from tests.support.warehouse_rows import NOW, coding, codings, opened, post, save, spans, units
from tests.test_warehouse_units import PLAN, frame_of
from transforms.pseudonymize import remask
from transforms.scrub import SCRUBBER_VERSION
from warehouse import store


def stored(warehouse: store.Warehouse) -> list[tuple[object, ...]]:
    return warehouse.execute(
        "select title, text, masks, words_count, scrubber_version "
        "from landed.post_versions order by post_key"
    )


def test_an_older_version_s_texts_are_masked_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(
            warehouse,
            post(1, title="Sarah again", text="[USER] told me. Sarah left for Leeds."),
            post(2, title=None, text="Nobody came."),
        )
        old = store.less_masked(warehouse, SCRUBBER_VERSION, limit=10)
        assert store.save_remasked(warehouse, remask(old)) == 1
        masks = [{"mask": "NAME", "count": 2}, {"mask": "PLACE", "count": 1},
                 {"mask": "USER", "count": 1}]  # fmt: skip
        assert stored(warehouse) == [
            (
                "[NAME] again",
                "[USER] told me. [NAME] left for [PLACE].",
                masks,
                9,
                SCRUBBER_VERSION,
            ),
            (None, "Nobody came.", [], 2, SCRUBBER_VERSION),
        ]
        assert store.less_masked(warehouse, SCRUBBER_VERSION, limit=10).is_empty()
        assert warehouse.execute("select rewrite_due_at is not null from landed.store") == [(True,)]
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_a_newer_version_s_text_is_left(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, title=None, text="Sarah left.", scrubber_version=99))
        masked = remask(store.less_masked(warehouse, 100, limit=10))
        assert store.save_remasked(warehouse, masked) == 0
        assert stored(warehouse)[0][1] == "Sarah left."


def test_evidence_in_a_text_that_was_masked_anew_is_void_and_its_codings_stay(
    tmp_path: Path,
) -> None:
    rated = [coding(key, "struggleposting", 2) for key in (1, 2)]
    marked = spans(*((it["annotation_id"], it["unit_key"], it["code_id"], 0, 5) for it in rated))
    saved = {"wave": "W1", "round_": "R1", "unit_kind": "root", "coder": "c1", "version": "1.0.0"}
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, text="Sarah left."), post(2, text="Nobody came."), post(3))
        drawn = units((1, 1001), (2, 2001))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
        store.save_codings(warehouse, codings(*rated), marked, now=NOW)
        old = store.less_masked(warehouse, SCRUBBER_VERSION, limit=10)
        assert store.save_remasked(warehouse, remask(old)) == 1
        kept = "select unit_key from landed.evidence_spans"
        assert warehouse.execute(kept) == [(2,)]
        assert store.reworded_units(warehouse) == {1}
        late = coding(1, "struggleposting", 1, coder="c2", annotation_id=900)
        evidence = spans((900, 1, "struggleposting", 0, 5))
        store.save_codings(warehouse, codings(late), evidence, now=NOW)
        assert warehouse.execute(kept) == [(2,)]
        store.requeue_units(warehouse, {1})
        assert store.reworded_units(warehouse) == set()
        assert store.coded_units(warehouse, **saved) == {1, 2}  # type: ignore[arg-type]
        saved["coder"] = "c2"
        assert store.coded_units(warehouse, **saved) == {1}  # type: ignore[arg-type]
        assert all(count == 0 for _, count in store.run_checks(warehouse))


STUDY = """[study]
name = "quiet-hours"
since = 2026-01-01
"""


def test_a_study_s_texts_are_masked_anew_and_the_second_time_nothing_is_left(
    tmp_path: Path,
) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    workspace = open_workspace(tmp_path)
    assert mask_anew(workspace) == 0
    assert not workspace.warehouse.exists()
    with opened(workspace.warehouse) as warehouse:
        save(warehouse, post(1, title=None, text="Sarah left."), post(2, title=None, text="Alone."))
    assert mask_anew(workspace) == 1
    assert mask_anew(workspace) == 0
    with opened(workspace.warehouse) as warehouse:
        assert [row[1] for row in stored(warehouse)] == ["[NAME] left.", "Alone."]
