"""The vault: what it keeps, what it shows to whoever has the file, how it survives."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.keys import ProjectKey, VaultKeys
from connectors.schedule import next_due, next_due_of
from connectors.vault import PendingRemoval, Vault, VaultEntry, count_pending, open_vault
from schema.errors import BadInput, VaultLocked

KEYS = ProjectKey.from_hex("5a" * 32).vault_keys()
OTHER_KEYS = ProjectKey.from_hex("a5" * 32).vault_keys()
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(number: int, *, platform: str = "reddit", due: datetime = NOON) -> VaultEntry:
    return VaultEntry(
        platform=platform,  # type: ignore[arg-type]
        native_id=f"t3_plantedname{number:06d}",
        post_key=(1 << 64) - 1 - number,
        source="meadow",
        next_due_at=due,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.sqlite"


@pytest.fixture
def vault(path: Path) -> Iterator[Vault]:
    with open_vault(path, KEYS) as opened:
        yield opened


def test_what_was_remembered_comes_back_whole(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(1), entry(2, platform="bluesky")])
    with open_vault(path, KEYS) as vault:
        assert vault.due(NOON, "reddit", limit=10) == [entry(1)]
        assert vault.due(NOON, "bluesky", limit=10) == [entry(2, platform="bluesky")]
        assert vault.count() == 2


def test_remembering_again_replaces(vault: Vault) -> None:
    vault.remember([entry(1)])
    vault.remember([entry(1, due=NOON + HOUR)])
    assert vault.count() == 1
    assert vault.due(NOON, "reddit", limit=10) == []
    assert vault.due(NOON + HOUR, "reddit", limit=10) == [entry(1, due=NOON + HOUR)]


def test_the_longest_overdue_come_first_and_no_more_than_asked(vault: Vault) -> None:
    entries = [entry(n, due=NOON - n * HOUR) for n in range(5)]
    vault.remember(entries)
    assert vault.due(NOON, "reddit", limit=3) == [entries[4], entries[3], entries[2]]


def test_native_ids_are_found_by_post_key_alone(vault: Vault) -> None:
    entries = [entry(n) for n in range(2000)]
    vault.remember(entries)
    found = vault.native_ids([*(e.post_key for e in entries), 7])
    assert found == {e.post_key: e.native_id for e in entries}


def test_rescheduling_moves_only_what_is_held(vault: Vault) -> None:
    vault.remember([entry(1), entry(2)])
    vault.reschedule({entry(1).post_key: NOON + HOUR, 99: NOON})
    assert vault.due(NOON, "reddit", limit=10) == [entry(2)]
    assert vault.count() == 2


def test_forgetting_deletes_and_may_be_repeated(vault: Vault) -> None:
    vault.remember([entry(1), entry(2)])
    for _ in range(2):
        vault.forget([entry(1).post_key, 99])
    assert vault.count() == 1
    assert vault.native_ids([entry(1).post_key]) == {}


def test_suppression_outlives_the_post_and_knows_platforms_apart(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(1)])
        vault.forget([entry(1).post_key])
        vault.suppress("reddit", native_ids=[entry(1).native_id], authors=["Meadow_Otter_77"])
    with open_vault(path, KEYS) as vault:
        asked = ([entry(1).native_id, "t3_other"], ["meadow_otter_77", "somebody"])
        assert vault.suppressed("reddit", *asked) == ({entry(1).native_id}, {"meadow_otter_77"})
        assert vault.suppressed("bluesky", *asked) == (set(), set())
        assert vault.suppressed("reddit", ["Meadow_Otter_77"], [entry(1).native_id]) == (
            set(),
            set(),
        )


def test_an_empty_call_changes_nothing(vault: Vault) -> None:
    vault.remember([])
    vault.forget([])
    vault.reschedule({})
    vault.suppress("reddit")
    assert vault.suppressed("reddit", [], []) == (set(), set())
    assert vault.native_ids([]) == {}
    assert vault.count() == 0


def test_no_native_id_source_or_post_key_stands_in_the_file(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(n) for n in range(500)])
        vault.suppress("reddit", native_ids=["t3_plantedgone"], authors=["plantedauthor"])
    stored = path.read_bytes()
    assert b"SQLite format 3" in stored
    for plain in (b"planted", b"meadow", b"reddit", b"t3_"):
        assert plain not in stored
    for key in range(500):
        assert entry(key).post_key.to_bytes(8, "big") not in stored
        assert entry(key).post_key.to_bytes(8, "little") not in stored


def test_a_row_moved_to_another_place_does_not_open(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(1), entry(2)])
    forger = sqlite3.connect(path)
    forger.execute("update posts set sealed = (select min(sealed) from posts)")
    forger.commit()
    forger.close()
    with pytest.raises(VaultLocked), open_vault(path, KEYS) as vault:
        vault.due(NOON, "reddit", limit=10)


def test_forgotten_rows_leave_no_sealed_bytes(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(n) for n in range(50)])
    reader = sqlite3.connect(path)
    sealed = [row[0] for row in reader.execute("select sealed from posts")]
    reader.close()
    with open_vault(path, KEYS) as vault:
        vault.forget([entry(n).post_key for n in range(50)])
    left = path.read_bytes()
    assert not any(value in left for value in sealed)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "keys",
    [
        OTHER_KEYS,
        VaultKeys(sealing=OTHER_KEYS.sealing, lookup=KEYS.lookup, suppression=KEYS.suppression),
    ],
)
def test_another_key_is_told_so_in_one_sentence(path: Path, keys: VaultKeys) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(1)])
    with pytest.raises(VaultLocked, match="another key") as caught, open_vault(path, keys):
        pass
    assert "\n" not in str(caught.value)
    with open_vault(path, KEYS) as vault:
        assert vault.count() == 1


def test_a_file_that_is_no_vault_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database, " * 500)
    path.chmod(0o600)
    with pytest.raises(VaultLocked, match="no vault"), open_vault(path, KEYS):
        pass


def test_a_newer_format_is_refused(path: Path) -> None:
    with open_vault(path, KEYS):
        pass
    newer = sqlite3.connect(path)
    newer.execute("pragma user_version = 9")
    newer.close()
    with pytest.raises(BadInput, match="newer program"), open_vault(path, KEYS):
        pass


def test_the_file_is_private_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        with open_vault(path, KEYS):
            assert path.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_vault_that_others_can_read_is_refused(path: Path, mode: int) -> None:
    with open_vault(path, KEYS):
        pass
    path.chmod(mode)
    with pytest.raises(BadInput, match="chmod 600"), open_vault(path, KEYS):
        pass


def test_a_missing_folder_is_told_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "none" / "vault.sqlite"
    with pytest.raises(BadInput, match="make the study's folder"), open_vault(path, KEYS):
        pass


def test_what_leads_to_nobody_is_all_a_repr_shows() -> None:
    assert "planted" not in repr(entry(1))


@pytest.mark.parametrize("post_key", [-1, 1 << 64])
def test_a_key_out_of_range_is_our_fault(vault: Vault, post_key: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        vault.forget([post_key])


def test_an_instant_without_a_zone_is_our_fault(vault: Vault) -> None:
    with pytest.raises(ValueError, match="time zone"):
        vault.due(NOON.replace(tzinfo=None), "reddit", limit=1)


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from connectors.keys import ProjectKey
from connectors.vault import VaultEntry, open_vault
due = datetime(2026, 3, 1, tzinfo=UTC)
keys = ProjectKey.from_hex("5a" * 32).vault_keys()
number = int(sys.argv[2])
with open_vault(Path(sys.argv[1]), keys) as vault:
    while True:
        vault.remember(
            [VaultEntry("reddit", f"t3_{n}", n, "s", due) for n in range(number, number + 100)]
        )
        number += 100
        print(number, flush=True)
"""


def test_a_kill_in_mid_write_keeps_whole_pages_and_an_openable_vault(path: Path) -> None:
    confirmed = 0
    root = Path(__file__).parents[1]
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(confirmed)],
            stdout=subprocess.PIPE,
            cwd=root,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            for _ in range(8):
                confirmed = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
        confirmed = int(rest[-1]) if rest else confirmed
        with open_vault(path, KEYS) as vault:
            held = vault.count()
            assert held >= confirmed
            assert held % 100 == 0
            assert len(vault.native_ids(range(held))) == held


@pytest.mark.skipif(sys.gettrace() is not None, reason="a tracer would be timed instead")
def test_a_hundred_thousand_posts_take_seconds(path: Path) -> None:
    entries = [entry(n, due=NOON + n * timedelta(seconds=1)) for n in range(100_000)]
    with open_vault(path, KEYS) as vault:
        started = time.process_time()
        vault.remember(entries)
        remembered = time.process_time()
        due = vault.due(NOON + timedelta(seconds=999), "reddit", limit=500)
        asked = time.process_time()
    assert due == entries[:500]
    assert remembered - started < 10
    assert asked - remembered < 0.5


HOURS = st.floats(min_value=0.01, max_value=2000, allow_nan=False)


@settings(max_examples=200)
@given(
    age=st.floats(min_value=0, max_value=3000),
    marks=st.lists(HOURS, max_size=8),
    recheck=HOURS,
)
def test_a_post_is_due_later_but_never_later_than_the_recheck(
    age: float, marks: list[float], recheck: float
) -> None:
    seen = NOON + timedelta(hours=age)
    due = next_due(NOON, seen, refresh_hours=marks, recheck_hours=recheck)
    assert seen < due <= seen + timedelta(hours=recheck)
    missed = [m for m in marks if seen < NOON + timedelta(hours=m) < due]
    assert missed == []


@settings(max_examples=50)
@given(
    ages=st.lists(st.floats(min_value=0, max_value=3000), min_size=1, max_size=6),
    marks=st.lists(HOURS, max_size=8),
    recheck=HOURS,
)
def test_a_column_of_posts_is_due_when_each_of_them_is(
    ages: list[float], marks: list[float], recheck: float
) -> None:
    seen = [NOON + timedelta(hours=age) for age in ages]
    schedule: Any = {"refresh_hours": marks, "recheck_hours": recheck}
    rows = pl.DataFrame({"created": [NOON] * len(seen), "seen": seen})
    due = rows.select(next_due_of(pl.col("created"), pl.col("seen"), **schedule)).to_series()
    assert due.to_list() == [next_due(NOON, at, **schedule) for at in seen]


def test_remembering_one_post_twice_at_once_keeps_the_later(vault: Vault) -> None:
    vault.remember([entry(1, due=NOON + HOUR), entry(2), entry(1)])
    assert {e.post_key: e.next_due_at for e in vault.due(NOON, "reddit", limit=9)} == {
        entry(1).post_key: NOON,
        entry(2).post_key: NOON,
    }


def test_marks_stand_at_fixed_ages_whenever_a_look_came_late() -> None:
    hours = [1, 6, 24]
    ages = []
    seen = NOON + timedelta(minutes=7)
    for _ in range(4):
        seen = next_due(NOON, seen, refresh_hours=hours, recheck_hours=30)
        ages.append((seen - NOON) / HOUR)
    assert ages == [1, 6, 24, 54]


@pytest.mark.parametrize("recheck", [0, -1])
def test_a_recheck_must_lie_ahead(recheck: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        next_due(NOON, NOON, refresh_hours=[1], recheck_hours=recheck)


def test_a_schedule_needs_time_zones() -> None:
    with pytest.raises(ValueError, match="time zone"):
        next_due(NOON.replace(tzinfo=None), NOON, refresh_hours=[1], recheck_hours=1)


def test_some_stay_out_for_a_while_or_until_their_cause_is_lifted(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.keep_out("bluesky", cause="a", now=NOON, until=NOON + HOUR, native_ids=["p1", "p2"])
        vault.keep_out("bluesky", cause="a", now=NOON, authors=["who"])
        vault.keep_out("bluesky", cause="b", now=NOON, native_ids=["p2"])
    asked = (["p1", "p2", "p3"], ["who"])
    with open_vault(path, KEYS) as vault:
        assert vault.suppressed("bluesky", *asked) == ({"p1", "p2"}, {"who"})
        assert vault.suppressed("reddit", *asked) == (set(), set())
        vault.let_in("bluesky", cause="a", native_ids=["p2"], authors=["p2"])
        assert vault.suppressed("bluesky", *asked) == ({"p1", "p2"}, {"who"})  # b says so, too
        vault.let_in("bluesky", cause="b", native_ids=["p2"])
        vault.let_in("bluesky", cause="a", authors=["who"])
        assert vault.suppressed("bluesky", *asked) == ({"p1"}, set())
        vault.keep_out("bluesky", cause="b", now=NOON + HOUR)  # what has ended goes
        assert vault.suppressed("bluesky", *asked) == (set(), set())


def test_a_cause_that_is_lifted_leaves_alone_what_is_out_for_good(vault: Vault) -> None:
    vault.suppress("bluesky", native_ids=["p1"])
    vault.keep_out("bluesky", cause="a", now=NOON, native_ids=["p1"])
    vault.let_in("bluesky", cause="a", native_ids=["p1"])
    assert vault.suppressed("bluesky", ["p1"], []) == ({"p1"}, set())


def test_of_those_kept_out_for_a_while_the_oldest_go_beyond_the_bound(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.vault_suppression.KEPT_OUT_MAX", 100)
    vault.keep_out("bluesky", cause="a labeler", now=NOON, native_ids=["lasting"])
    names = [f"p{number}" for number in range(250)]
    for start in range(0, 250, 50):
        some = names[start : start + 50]
        vault.keep_out("bluesky", cause="a", now=NOON, until=NOON + HOUR, native_ids=some)
    barred, _ = vault.suppressed("bluesky", [*names, "lasting"], [])
    assert barred == {*names[150:], "lasting"}


def test_neither_names_nor_causes_stand_in_the_file(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.keep_out("bluesky", cause="did:plc:plantedlabeler", now=NOON, authors=["planted1"])
    assert b"planted" not in path.read_bytes()


def test_a_vault_of_the_first_format_is_brought_forward(path: Path) -> None:
    with open_vault(path, KEYS) as vault:
        vault.remember([entry(1)])
        vault.suppress("reddit", authors=["otter"])
    older = sqlite3.connect(path)
    older.execute("drop table kept_out")
    older.execute("drop table pending")
    older.execute("pragma user_version = 1")
    older.commit()
    older.close()
    with open_vault(path, KEYS) as vault:
        assert vault.due(NOON, "reddit", limit=9) == [entry(1)]
        assert vault.suppressed("reddit", [], ["otter"]) == (set(), {"otter"})
        vault.keep_out("reddit", cause="a", now=NOON, authors=["heron"])
        assert vault.suppressed("reddit", [], ["heron"]) == (set(), {"heron"})


def test_what_is_being_removed_waits_sealed_until_it_is_struck_out(path: Path) -> None:
    post = PendingRemoval("reddit", (1 << 64) - 2, None, "opted_out")
    account = PendingRemoval("bluesky", None, "c0ffee" * 5 + "aa", "account_deleted")
    with open_vault(path, KEYS) as vault:
        vault.suppress("reddit", native_ids=["t3_planted1"], pending=[post, account])
        vault.suppress("reddit", pending=[post])
    assert count_pending(path) == 2  # which takes no key
    stored = path.read_bytes()
    assert not any(word in stored for word in (b"planted", b"c0ffee", b"opted_out"))
    with open_vault(path, KEYS) as vault:
        assert set(vault.pending()) == {post, account}
        vault.forget([], done=[post])
        assert vault.pending() == [account]
    assert count_pending(path) == 1
    assert count_pending(path.with_name("none.sqlite")) == 0
