"""Opening the store: one at a time, private, migrated, and never in an analyst's way."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from schema.errors import WarehouseError
from tests.support.needs import REPOSITORY
from tests.support.warehouse_rows import NOW, opened, post, save
from warehouse import connection, store
from warehouse.models import VIEWS, in_order, models

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse import store
with store.open_warehouse(Path(sys.argv[1]), now=datetime(2026, 3, 1, tzinfo=UTC)):
    print("open", flush=True)
    sys.stdin.read()
"""
STRANGER = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""
DIE = """
import os, signal, sys
from pathlib import Path
from tests.support.warehouse_rows import opened, post, save
with opened(Path(sys.argv[1])) as warehouse:
    save(warehouse, post(1), position="one")
    with warehouse.transaction():
        warehouse.execute("delete from landed.post_versions")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_second_flow_is_told_how_long_it_waited(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with (
            pytest.raises(WarehouseError, match=r"busy: another flow has held it for 0\.2 s"),
            opened(path, lock_timeout_seconds=0.2),
        ):
            pass
        holder.communicate("")
    with opened(path) as warehouse:
        assert warehouse.execute("select 1") == [(1,)]


def test_a_program_that_ignores_the_lock_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path):
        pass
    with subprocess.Popen(
        [sys.executable, "-c", STRANGER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(WarehouseError, match="open in another program"), opened(path):
            pass
        holder.communicate("")


def test_every_file_is_for_its_owner_alone_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    before = os.umask(0)
    try:
        with opened(path) as warehouse:
            save(warehouse, post(1))
            left = {found.name: mode(found) for found in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert left == {
        "warehouse.duckdb": 0o600,
        "warehouse.duckdb.wal": 0o600,
        "warehouse.duckdb.lock": 0o600,
    }
    assert not (tmp_path / "warehouse.duckdb.wal").exists()


def test_a_process_killed_in_a_transaction_loses_nothing_committed(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    done = subprocess.run([sys.executable, "-c", DIE, str(path)], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    with opened(path) as warehouse:
        assert warehouse.execute("select post_key from post") == [(1,)]
        assert store.read_position(warehouse, "small-hours") == "one"
    assert mode(path) == 0o600


def test_a_file_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path) as warehouse:
        warehouse.execute(
            "insert into landed.migrations values (9001, 'later', ?)", [warehouse.now]
        )
    with (
        pytest.raises(WarehouseError, match=r"newer version .migration 9001") as refused,
        opened(path),
    ):
        pass
    assert "update confide" in str(refused.value)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseError, match="is not a warehouse"), opened(path):
        pass
    assert path.read_bytes() == b"not a database" * 1000


def test_opening_again_neither_migrates_nor_makes_views_anew(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with opened(path):
        pass
    with opened(path) as warehouse:
        rows = warehouse.execute("select number, name from landed.migrations order by number")
        assert [number for number, _ in rows] == [int(found.name[:4]) for found in models("landed")]
        warehouse.execute("drop view carried_unit")
    with opened(path) as warehouse:
        assert not warehouse.execute("from duckdb_views() where view_name = 'carried_unit'")
        warehouse.execute("update landed.models set digest = 'older'")
    with opened(path) as warehouse:
        assert warehouse.execute("from duckdb_views() where view_name = 'carried_unit'")


def test_every_sql_file_but_migrations_checks_and_hashes_is_in_use() -> None:
    used = {(model.folder, model.name) for model in in_order()} | {("views", n) for n in VIEWS}
    for folder in ("macros", "staging", "intermediate", "marts", "views"):
        assert {model.name for model in models(folder)} == {n for f, n in used if f == folder}


def test_a_fresh_warehouse_passes_every_check(tmp_path: Path) -> None:
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        checks = dict(store.run_checks(warehouse))
    assert len(checks) >= 12
    assert set(checks.values()) == {0}


def test_only_the_store_stays_beside_the_store(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w.duckdb", "w.duckdb.lock"]
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from post").fetchall() == [(1,)]
    assert store.compact(tmp_path / "w.duckdb", now=NOW) is False


ROWS = """
insert into landed.page_notes
select 'run', 'source', 'stream', 'note', range, now()::timestamp from range(?)
"""
GROUPS = """
select max(count) as rows_count from pragma_storage_info('landed.page_notes')
group by row_group_id order by row_group_id
"""


def test_a_closing_writes_few_rows_anew_however_often_some_are_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"
    with monkeypatch.context() as patch:
        patch.setattr(connection, "ROW_GROUP_ROWS", 122_880)  # DuckDB's own, of older files
        with opened(path) as warehouse:
            warehouse.execute(ROWS, [60_000])
    for _ in range(5):
        with opened(path) as warehouse:
            warehouse.execute(ROWS, [10_000])
    with opened(path) as warehouse:
        groups = [count for (count,) in warehouse.execute(GROUPS)]
        total = warehouse.scalar("select sum(notes_count) from landed.page_notes")
    assert sum(groups) == 110_000
    assert groups[0] == 60_000  # merged with others, it would be written once more
    assert max(groups[1:]) <= connection.ROW_GROUP_ROWS
    assert total == sum(range(60_000)) + 5 * sum(range(10_000))
