"""The scanner: it finds names wherever they hide, and calls nothing a name that is none."""

import gzip
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.support import scanner
from tests.support.scanner import Names, scan

LONG = "quiet_otter_9f4k"
NAMES = Names((LONG, "sunshine", "bob", "at://did:plc:moss9f4k/app.bsky.feed.post/3k2"))


def met(path: Path) -> set[tuple[str, int]]:
    return {(finding.kind, finding.name) for finding in scan([path], NAMES)}


def text_file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_scanner_proves_itself_on_every_kind_of_file(tmp_path: Path) -> None:
    kinds = {path.suffix for path in scanner.plant(tmp_path)}
    assert kinds >= {".duckdb", ".sqlite", ".parquet", ".zst", ".gz", ".zip", ".pickle", ".csv"}
    scanner.prove()


def test_a_scanner_gone_blind_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner.prove.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(scanner, "values_of", lambda _path: iter(()))
        with pytest.raises(AssertionError, match="blind"):
            scan([], NAMES)
    scan([], NAMES)


def test_a_long_name_is_met_in_any_case_and_inside_words(tmp_path: Path) -> None:
    path = text_file(tmp_path / "a.log", f"xx{LONG.upper()}yy")
    assert met(path) == {("raw bytes", 0)}


@pytest.mark.parametrize(
    "text",
    ["hi @bob!", "u/bob", "see /u/Bob.", "https://moss.example/people/bob", "r/u_bob", "@bob's"],
)
def test_a_short_name_is_met_in_its_written_forms(tmp_path: Path, text: str) -> None:
    found = scan([text_file(tmp_path / "a.txt", text)], NAMES)
    assert {finding.name for finding in found} == {2}


@pytest.mark.parametrize(
    "text",
    ["bob and sunshine", "bobsled @bobby u/bob_x", "kebob/bob", "so much sunshine", "/usr/lib/bob"],
)
def test_a_short_or_ordinary_name_is_a_word_elsewhere(tmp_path: Path, text: str) -> None:
    assert met(text_file(tmp_path / "a.txt", text)) == set()


def test_a_short_name_counts_as_a_whole_value(tmp_path: Path) -> None:
    path = text_file(tmp_path / "a.json", json.dumps({"who": " Bob ", "what": ["sunshine"]}))
    assert met(path) == {("whole value", 1), ("whole value", 2)}
    assert met(text_file(tmp_path / "b.json", json.dumps({"what": "so much sunshine"}))) == set()


def test_an_id_is_met_escaped_as_json_and_urls_do(tmp_path: Path) -> None:
    uri = NAMES.values[3]
    for text in (uri, uri.replace("/", "\\/"), uri.replace(":", "%3A").replace("/", "%2F")):
        assert {number for _, number in met(text_file(tmp_path / "a.txt", text))} == {3}


def test_a_name_across_two_chunks_is_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(scanner, "OVERLAP_BYTES", 100)
    path = tmp_path / "a.bin"
    path.write_bytes(b"\0" * 995 + LONG.encode() + b"\0" * 3000)
    assert ("raw bytes", 0) in met(path)


def test_wrappers_in_wrappers_are_opened(tmp_path: Path) -> None:
    inner = gzip.compress(gzip.compress(json.dumps({"a": json.dumps({"b": LONG})}).encode()))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.gz", inner)
    assert ("everywhere", 0) in met(tmp_path / "a.zip")


def test_values_that_compression_hides_are_met_in_a_database(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    with closing(duckdb.connect(path)) as database:
        database.execute(
            "create table posts as select hash(i) as id, case when i = 70000 then ? else "
            "'moss ' || (i % 7) end as text from range(100000) t(i)",
            [f"so says {LONG}"],
        )
    assert ("everywhere", 0) in met(path)
    assert {f.where for f in scan([path], NAMES)} >= {"main.posts.text"}


def test_catalogs_are_read_too(tmp_path: Path) -> None:
    with closing(duckdb.connect(tmp_path / "a.duckdb")) as database:
        database.execute(f"create view v as select '{LONG}' as a")
        database.execute("create table t (a int)")
        database.execute("comment on table t is 'seen by bob'")
        database.execute("comment on column t.a is 'bob'")
    assert met(tmp_path / "a.duckdb") >= {("everywhere", 0), ("whole value", 2)}


def test_a_sqlite_log_is_read_with_its_database(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    for folder in (live, copy):
        folder.mkdir()
    with closing(sqlite3.connect(live / "a.sqlite")) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table t (a text)")
        database.execute("insert into t values ('bob')")
        database.commit()
        for path in live.iterdir():
            shutil.copy(path, copy)
    assert ("whole value", 2) in met(copy / "a.sqlite")
    assert sorted(p.name for p in copy.iterdir())[:1] == ["a.sqlite"]


def test_bytes_left_in_free_pages_are_met(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma secure_delete = off")
        database.execute("create table t (a text)")
        database.execute("insert into t values (?)", [LONG])
        database.commit()
        database.execute("delete from t")
        database.commit()
    assert met(path) == {("raw bytes", 0)}


def test_names_of_files_count_and_folders_are_walked(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / f"{LONG}.txt").touch()
    [finding] = scan([tmp_path], NAMES)
    assert (finding.where, finding.name) == ("name of the file", 0)


def test_a_damaged_archive_is_searched_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"moss" * 100)[:20] + LONG.encode())
    assert met(path) == {("raw bytes", 0)}


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    pl.DataFrame({"a": ["moss", None], "b": [[1], []]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "empty").touch()
    text_file(tmp_path / "b.json", '{"a": "moss"}')
    assert scan([tmp_path, tmp_path / "missing"], NAMES) == []


def test_neither_findings_nor_names_show_a_name(tmp_path: Path) -> None:
    [finding] = scan([text_file(tmp_path / "a.txt", LONG)], NAMES)
    assert LONG not in repr(finding)
    assert LONG not in repr(NAMES)
    assert "bob" not in repr(NAMES)


def test_a_database_in_use_elsewhere_is_an_error_not_a_pass(tmp_path: Path) -> None:
    path = tmp_path / "a.duckdb"
    holder = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('create table t(a int)');"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            with pytest.raises(duckdb.IOException):
                scan([path], NAMES)
        finally:
            process.communicate()
