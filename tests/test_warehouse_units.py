"""Units: who may be drawn, what a coder sees, and that a drawn round stays as it is."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import pytest

from schema.coding import FrameUnit
from schema.errors import WarehouseError
from tests.support.warehouse_rows import (
    NOW,
    WEEK,
    author,
    coding,
    codings,
    mark_copies,
    opened,
    post,
    save,
    spans,
    units,
)
from warehouse import store


@dataclass(frozen=True)
class Plan:
    """What the warehouse needs of a sampling plan."""

    wave: str = "W1"
    round: str = "R1"
    unit_kind: str = "root"
    seed: int = 1
    n: int = 2


PLAN = Plan()


def frame_of(warehouse: store.Warehouse, kind: str = "root") -> dy.DataFrame[FrameUnit]:
    return store.sampling_frame(warehouse, kind, now=NOW, minimum_age_days=14)  # type: ignore[arg-type]


def keys(warehouse: store.Warehouse, kind: str = "root") -> list[int]:
    return frame_of(warehouse, kind)["unit_key"].to_list()


def test_the_frame_holds_roots_or_replies_with_their_stratum(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2, parent_key=1))
        [root] = frame_of(warehouse).to_dicts()
        assert keys(warehouse, "reply") == [2]
    assert root == {
        "unit_key": 1,
        "version_key": 1001,
        "thread_key": 1,
        "platform": "reddit",
        "week": WEEK,
        "community_kind": "subreddit",
        "volume": "low",
        "author_pseudonym": author(1),
        "cluster_key": 1,
        "bands": "",
        "least_probability": 0.0,
    }


def test_nobody_codes_what_must_not_be_coded(tmp_path: Path) -> None:
    young = NOW - timedelta(days=13)
    fixture = store.SaveStamp("run-1", "recorded", "recorded", "fixture")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2, created_at=young))
        save(warehouse, post(3, is_nsfw=True), post(4, is_visible_logged_out=False))
        save(warehouse, post(5, title=None, text=""), post(6, indexed_at=young))
        save(warehouse, post(7), stamp=fixture)
        save(warehouse, post(8, community_key="reddit/HeavyPockets"))
        assert keys(warehouse) == [1, 8]
        left = store.sampling_frame(
            warehouse,
            "root",
            now=NOW,
            minimum_age_days=14,
            excluded_communities=["heavypockets"],
        )
        assert left["unit_key"].to_list() == [1]


def test_a_false_date_neither_ages_a_post_nor_hides_it(tmp_path: Path) -> None:
    false = {"created_at": datetime(1970, 1, 1, tzinfo=UTC), "is_created_at_plausible": False}
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, **false, observed_at=NOW - timedelta(days=1)))
        save(warehouse, post(2, **false, indexed_at=datetime(2026, 1, 8, tzinfo=UTC)))
        assert frame_of(warehouse).select("unit_key", "week").rows() == [(2, WEEK)]


def test_a_cluster_of_duplicates_shares_one_key_with_its_canonical(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2), post(3))
        mark_copies(warehouse, (1, 1, 2))
        assert frame_of(warehouse)["cluster_key"].to_list() == [1, 1, 3]


def test_a_drawn_round_stays_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        frame = frame_of(warehouse)
        assert store.save_units(warehouse, units((1, 1001)), plan=PLAN, frame=frame) == 1
        assert store.save_units(warehouse, units((2, 2001)), plan=PLAN, frame=frame) == 0
        assert store.count_units(warehouse, "W1", "R1", "root") == 1
        with pytest.raises(WarehouseError, match="drawn by another plan"):
            store.save_units(warehouse, units((2, 2001)), plan=replace(PLAN, seed=2), frame=frame)
        [(seed, count, hashed)] = warehouse.execute(
            "select seed, frame_count, frame_hash from landed.draws"
        )
        assert (seed, count, len(hashed)) == (1, 2, 64)
        again = store.read_frame(warehouse, "W1", "R1", "root")
        assert store.hash_rows(again) == hashed  # so the draw can be repeated


def test_a_unit_removed_while_it_was_drawn_is_not_saved(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1))
        drawn = units((1, 1001), (99, 99001))
        assert store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse)) == 1


def test_a_coder_sees_a_root_with_its_pictures_and_card(tmp_path: Path) -> None:
    shown = post(1, text="Line one.", alt_text="a wet bench", quoted_text="A fund page")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, shown)
        store.save_units(warehouse, units((1, 1001)), plan=PLAN, frame=frame_of(warehouse))
        [task] = store.coding_tasks(warehouse, "W1", "R1", "root")
        [(masked,)] = warehouse.execute("select text_masked from post")
    assert (task.title, task.thread, task.post_uid) == ("Title 1", (), f"{1:016x}")
    assert task.text == "Line one.\n\nPicture: a wet bench\n\nLink card: A fund page"
    assert masked == f"Title 1\n\n{task.text}"
    assert "Line one" not in repr(task)


def test_a_coder_sees_a_reply_under_its_root_and_nearest_posts(tmp_path: Path) -> None:
    chain = [post(1)]
    for key in range(2, 12):
        who = author(1) if key == 9 else author(50 + key % 2)
        chain.append(post(key, parent_key=key - 1, thread_key=1, author_pseudonym=who))
    plan = replace(PLAN, unit_kind="reply")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *chain)
        frame = frame_of(warehouse, "reply")
        drawn = units((2, 2001), (11, 11001), kind="reply")
        store.save_units(warehouse, drawn, plan=plan, frame=frame)
        near, far = store.coding_tasks(warehouse, "W1", "R1", "reply")
    assert [turn.text for turn in near.thread] == [f"Title 1\n\n{chain[0]['text']}"]
    assert [turn.text.split()[-1] for turn in far.thread] == ["1.", "6.", "7.", "8.", "9.", "10."]
    told = [turn.author for turn in far.thread]
    assert told == [
        "Author of the thread",
        "Reader 1",
        "Reader 2",
        "Reader 1",
        "Author of the thread",
        "Reader 1",
    ]


def test_a_reply_whose_root_is_gone_is_shown_with_what_is_left(tmp_path: Path) -> None:
    plan = replace(PLAN, unit_kind="reply")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(3, parent_key=1), post(4, parent_key=3, thread_key=1))
        frame = frame_of(warehouse, "reply")
        drawn = units((3, 3001), (4, 4001), kind="reply")
        store.save_units(warehouse, drawn, plan=plan, frame=frame)
        orphan, second = store.coding_tasks(warehouse, "W1", "R1", "reply")
    assert orphan.thread == ()
    assert [turn.author for turn in second.thread] == ["Reader 1"]


def test_a_withheld_unit_leaves_sample_and_tasks_and_weights_carry_it(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2), post(3))
        drawn = units((1, 1001), (2, 2001), (3, 3001))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
        store.set_current_round(warehouse, "W1", "R1", "1.0.0")
        assert store.withhold_units(warehouse, [2, 99], at=NOW) == 1
        assert store.withhold_units(warehouse, [2], at=NOW) == 0
        rows = warehouse.execute("select unit_key, incl_prob, weight from sample_unit order by 1")
        assert rows == [(1, 0.5, 3.0), (3, 0.5, 3.0)]
        assert [t.unit_key for t in store.coding_tasks(warehouse, "W1", "R1", "root")] == [1, 3]
        assert keys(warehouse) == [1, 3]


def test_the_round_drawn_last_is_the_one_with_units(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        assert store.last_drawn_round(warehouse) is None
        frame = frame_of(warehouse)
        for round_, drawn in (("R1", [(1, 1001)]), ("R2", [(2, 2001)]), ("R3", [])):
            rows = units(*drawn, round_=round_)
            store.save_units(warehouse, rows, plan=replace(PLAN, round=round_), frame=frame)
        assert store.last_drawn_round(warehouse) == ("W1", "R2")


def standing(warehouse: store.Warehouse, rated: dict[str, Any]) -> int:
    """Count the codings that agreement is measured on."""
    return store.read_coded_round(warehouse, "W1", "R1", rated["codebook_version"]).codings.height


def test_an_edited_unit_is_coded_again_and_what_was_coded_before_counts_no_more(
    tmp_path: Path,
) -> None:
    rated = coding(1, "struggleposting", 2)
    again = {**rated, "annotation_id": 900, "revised_at": NOW}
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        drawn = units((1, 1001), (2, 2001))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
        store.save_codings(warehouse, codings(rated), spans(), now=NOW)
        assert standing(warehouse, rated) == 1
        assert store.reworded_units(warehouse) == set()
        save(warehouse, post(1, text="another wording", version_key=1002, is_edited=True))
        assert store.reworded_units(warehouse) == {1}
        assert standing(warehouse, rated) == 0
        store.requeue_units(warehouse, {1})
        assert store.reworded_units(warehouse) == set()
        assert standing(warehouse, rated) == 0
        store.save_codings(warehouse, codings(again), spans(), now=NOW)
        assert standing(warehouse, rated) == 1
