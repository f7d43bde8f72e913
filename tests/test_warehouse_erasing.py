"""A large warehouse is not written anew for a removal: what it leaves is moved, then overwritten.

Row groups are the smallest here, so that a store of some thousand posts has many, and nothing is
compressed, so that the raw bytes tell.
"""

import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from bench.invented_posts import THREAD, invented
from bench.invented_posts import save as save_invented
from tests.support.warehouse_rows import NOW, STAMP, removals
from warehouse import connection, erasing, store

STORED = 20_480
GROUP_ROWS = 2048


@pytest.fixture(scope="module", autouse=True)
def _small_row_groups() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (connection, erasing):
            patch.setattr(module, "ROW_GROUP_ROWS", GROUP_ROWS)
        yield


def keys_from(first: int, count: int) -> list[int]:
    """Make keys as a hash would: of eight bytes, in no order."""
    draw = random.Random(first)
    return [draw.getrandbits(63) | 1 << 62 for _ in range(count)]


def add(path: Path, first: int, count: int, *, is_compressed: bool = False) -> None:
    keys = keys_from(first, count)
    authors = [f"{key:032x}" for key in keys]
    posts, counts = invented(first, keys, authors)
    with store.open_warehouse(path, now=NOW, is_compressed=is_compressed) as warehouse:
        save_invented(warehouse, posts, counts, STAMP)


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store that was written anew once."""
    path = tmp_path_factory.mktemp("rewritten") / "w.duckdb"
    add(path, 0, STORED)
    take(path, keys_from(0, 1))
    assert store.compact(path, now=NOW)
    return path


@pytest.fixture
def settled(rewritten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(erasing, "MOST_SHARE", 1.0)  # so small a file would be written anew
    return Path(shutil.copy(rewritten, tmp_path))


def take(path: Path, keys: Sequence[int]) -> None:
    with store.open_warehouse(path, now=NOW) as warehouse:
        gone = store.remove(warehouse, removals(*keys), now=NOW + timedelta(hours=1))
    assert len(gone.post_keys) == len(keys)


def words_of(path: Path, keys: Sequence[int]) -> list[str]:
    with (
        store.open_warehouse(path, now=NOW) as warehouse,
        warehouse.showing(
            "asked", pl.DataFrame({"post_key": keys}, schema={"post_key": pl.UInt64})
        ),
    ):
        rows = warehouse.execute(
            "select text from landed.post_versions semi join asked using (post_key)"
        )
    return [text for (text,) in rows]


def traces(words: Sequence[str], keys: Sequence[int]) -> list[bytes]:
    """Say how texts, pseudonyms and keys stand in a file that is not compressed."""
    return [
        *(text.encode() for text in words),
        *(f"{key:032x}".encode() for key in keys),
        *(key.to_bytes(8, "little") for key in keys),
    ]


def contents(warehouse: store.Warehouse) -> dict[str, int]:
    """Hash the rows of every table, in whatever order."""
    tables = warehouse.execute(
        "select table_name from duckdb_tables() where schema_name = 'landed' "
        "and table_name not in ('clean_blocks', 'store')"
    )
    return {
        table: warehouse.scalar(f"select sum(hash(row)) from landed.{table} as row")
        for (table,) in tables
    }


def met(path: Path, wanted: Sequence[bytes]) -> list[int]:
    raw = path.read_bytes()
    return [number for number, trace in enumerate(wanted) if trace in raw]


def test_what_went_is_in_no_byte_of_a_file_that_was_not_written_anew(settled: Path) -> None:
    draw = random.Random(1)
    here = set(keys_from(0, STORED)[1:])
    files = {settled.stat().st_ino}
    gone: list[bytes] = []
    for turn in range(3):
        added = keys_from(STORED * (turn + 1), 3 * THREAD)
        add(settled, STORED * (turn + 1), len(added))
        here |= set(added)
        going = [*draw.sample(added, 2), draw.choice(sorted(here)), min(here)]
        going = sorted(set(going))
        wanted = traces(words_of(settled, going), going)
        assert met(settled, wanted) == list(range(len(wanted)))
        take(settled, going)
        here -= set(going)
        gone += wanted
        with store.open_warehouse(settled, now=NOW) as warehouse:
            before = contents(warehouse)
        assert store.compact(settled, now=NOW)
        assert met(settled, gone) == []
        with store.open_warehouse(settled, now=NOW) as warehouse:
            assert contents(warehouse) == before
            assert warehouse.scalar("select count(*) from landed.post_versions") == len(here)
        files.add(settled.stat().st_ino)
    # DuckDB 2 does not number rows anew: there every second time the file is written anew
    assert len(files) == (1 if duckdb.__version__ < "2" else 2)


def test_killed_before_what_is_free_was_filled_it_is_done_again(
    settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = keys_from(0, 3)[1:]
    wanted = traces(words_of(settled, going), going)
    take(settled, going)
    with monkeypatch.context() as patch:
        patch.setattr(erasing, "_overwrite", die)
        with pytest.raises(KeyboardInterrupt):
            store.compact(settled, now=NOW)
    assert met(settled, wanted) != []
    with store.open_warehouse(settled, now=NOW) as warehouse:
        assert store.is_rewrite_due(warehouse)
        assert warehouse.scalar("select count(*) from landed.post_versions") == STORED - 3
    assert store.compact(settled, now=NOW)
    assert met(settled, wanted) == []


def die(*_arguments: object) -> bool:
    raise KeyboardInterrupt


def test_what_is_not_proven_gone_is_written_anew(
    settled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = keys_from(0, 3)[1:]
    wanted = traces(words_of(settled, going), going)
    take(settled, going)
    inode = settled.stat().st_ino
    monkeypatch.setattr(erasing, "_overwrite", lambda *_: False)
    assert store.compact(settled, now=NOW)
    assert met(settled, wanted) == []
    assert settled.stat().st_ino != inode
