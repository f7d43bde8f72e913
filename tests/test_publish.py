"""The published file: what an analyst may rely on, whatever flows are doing."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from annotation.codebook import load_codebook
from schema.errors import BadInput
from tests.support.needs import REPOSITORY
from tests.support.warehouse_rows import NOW, coding, codings, opened, post, removals, save, spans
from tests.test_verdict_macros import coded, measured
from warehouse import store
from warehouse.corpus import open_corpus, query
from warehouse.dictionary import published_tables
from warehouse.models import MARTS, models

MORE = {
    # the three clocks, which the design adds to the contract
    "post": ["indexed_at", "first_seen_at", "is_created_at_plausible"],
    "annotation": ["coded_version"],  # ADR 35
}

BUILD = """
import sys
from pathlib import Path
from tests.support.warehouse_rows import NOW, counts, opened, post, removals, save
from tests.test_verdict_macros import coded, measured
from annotation.codebook import load_codebook
from warehouse import store

folder = Path(sys.argv[1])
book = load_codebook()
path = folder / "warehouse.duckdb"
with opened(path) as warehouse:
    store.begin_run(warehouse, store.SaveStamp(sys.argv[2], "s", "s", "synthetic"), started_at=NOW)
    for first in range(1000, 4000, 500):
        rows = [post(key, thread_key=1) for key in range(first, first + 500)]
        save(warehouse, *rows, stamp=store.SaveStamp(sys.argv[2], "s", "s", "synthetic"))
    coded(warehouse, book)
    store.save_agreement(warehouse, measured(book), wave="W1", round_="R1", now=NOW)
    store.remove(warehouse, removals(1000), now=NOW)
    store.compute_verdicts(warehouse, now=NOW)
store.publish(path, folder / "published" / "corpus.duckdb", now=NOW)
"""
WRITE = """
import sys
from pathlib import Path
from tests.support.warehouse_rows import opened, post, save
with opened(Path(sys.argv[1])) as warehouse:
    save(warehouse, post(900))
    print("writing", flush=True)
    sys.stdin.read()
"""
READ = """
import sys
from pathlib import Path
from warehouse.corpus import open_corpus, query
with open_corpus(Path(sys.argv[1])) as corpus:
    print(query(corpus, "select count(*) as n from post")[0]["n"], flush=True)
    sys.stdin.readline()
    print(query(corpus, "select count(*) as n from post")[0]["n"], flush=True)
"""
DIE = """
import os, signal, sys
from pathlib import Path
from tests.support.warehouse_rows import NOW
import warehouse.rewriting as rewriting
from warehouse.publish import publish
rewriting.sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)
publish(Path(sys.argv[1]), Path(sys.argv[2]), now=NOW)
"""


def child(code: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with posts, codings and verdicts, published."""
    folder = tmp_path_factory.mktemp("study")
    book = load_codebook()
    with opened(folder / "warehouse.duckdb") as warehouse:
        coded(warehouse, book, n=40)
        save(warehouse, post(901, parent_key=1, link_categories=["tip_jar", "news"]))
        store.save_agreement(warehouse, measured(book), wave="W1", round_="R1", now=NOW)
        store.compute_verdicts(warehouse, now=NOW)
    target = folder / "published" / "corpus.duckdb"
    rows = store.publish(folder / "warehouse.duckdb", target, now=NOW)
    assert rows["post"] == 41
    assert rows["verdicts"] == len(book.claims)
    return target


@pytest.fixture
def corpus(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_corpus(published) as connection:
        yield connection


def test_tables_and_columns_are_those_of_the_contract(
    shared: Path, corpus: duckdb.DuckDBPyConnection
) -> None:
    draft = yaml.safe_load((shared / "codebook" / "codebook-draft.yaml").read_text("utf-8"))
    wanted = draft["warehouse_contract"]["tables"]
    for table, columns in wanted.items():
        found = [row["column_name"] for row in query(corpus, f"describe {table}")]
        assert found == [*columns, *MORE.get(table, [])], table
    views = set(draft["warehouse_contract"]["views"])
    found_views = {
        row["view_name"] for row in query(corpus, "from duckdb_views() where not internal")
    }
    assert views <= found_views


def test_every_table_and_column_says_what_it_holds(corpus: duckdb.DuckDBPyConnection) -> None:
    tables = query(corpus, "select table_name, comment from duckdb_tables()")
    assert {row["table_name"] for row in tables} == {*MARTS, "readme", "versions"}
    for things in (
        "duckdb_tables()",
        "duckdb_views() where not internal",
        "duckdb_columns() where not internal",
        "duckdb_functions() where not internal",
    ):
        rows = query(corpus, f"from {things}")
        assert [row for row in rows if not row["comment"]] == [], things
    columns = query(corpus, "from duckdb_columns() where not internal")
    for mart in models("marts"):
        known = {row["column_name"] for row in columns if row["table_name"] == mart.name}
        assert set(mart.column_comments) == known, mart.name
    said = {(row["table_name"], row["column_name"]): row["comment"] for row in columns}
    assert said["v_post", "author_key"] == said["post", "author_key"]
    assert said["v_apost", "struggleposting"].startswith("the code of this name")
    assert said["claim_c19", "y"] == "what is measured"
    [likes] = [
        r
        for r in columns
        if (r["table_name"], r["column_name"]) == ("engagement_snapshot", "likes")
    ]
    assert "Reddit: the score" in likes["comment"]


def test_an_analyst_runs_views_estimators_and_claims(corpus: duckdb.DuckDBPyConnection) -> None:
    [row] = query(corpus, "select * from est_share('claim_c19')")
    [stored] = query(corpus, "select estimate, se, n from verdicts where claim_id = 'C19'")
    assert (row["est"], row["se"], row["n"]) == tuple(stored.values())
    for view in models("views"):
        query(corpus, f"select * from {view.name} limit 1")
    assert query(corpus, "select count(*) as n from v_post")[0]["n"] == 40
    links = query(corpus, "select link_category from post_link order by all")
    assert [row["link_category"] for row in links] == ["news", "tip_jar"]
    made_by = {row["part"]: row["version"] for row in query(corpus, "from versions")}
    assert set(made_by) == {"confide", "duckdb", "warehouse", "masking rules", "codebook"}
    assert made_by["codebook"] == "1.0.0"
    assert "masked and keyed" in query(corpus, "select text from readme order by line")[0]["text"]


def test_the_safety_code_and_row_provenance_stay_out(published: Path) -> None:
    with open_corpus(published) as corpus:
        names = query(corpus, "select distinct column_name from duckdb_columns()")
        columns = {row["column_name"] for row in names}
        assert not columns & {"native_id", "run_id", "author", "handle", "did"}
    assert b"crisis_flag" not in published.read_bytes()


def test_anybody_may_read_the_file_and_nobody_write_it_through_us(published: Path) -> None:
    assert published.stat().st_mode & 0o777 == 0o644
    with open_corpus(published) as corpus, pytest.raises(BadInput, match="does not run"):
        query(corpus, "delete from post")
    assert [found.name for found in published.parent.iterdir()] == ["corpus.duckdb"]


def test_a_wrong_statement_and_a_missing_file_are_told_in_a_sentence(
    published: Path, tmp_path: Path
) -> None:
    with open_corpus(published) as corpus, pytest.raises(BadInput, match="nosuch"):
        query(corpus, "select * from nosuch")
    with pytest.raises(BadInput, match="run `confide publish` first"), open_corpus(tmp_path / "x"):
        pass
    (tmp_path / "y").write_text("hello", "utf-8")
    with pytest.raises(BadInput, match="publish it again"), open_corpus(tmp_path / "y"):
        pass


def test_equal_input_and_clock_give_equal_files(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        with child(BUILD, folder, f"run-{name}") as process:
            process.communicate()
        assert process.returncode == 0
        files.append(folder / "published" / "corpus.duckdb")
    first, second = files
    with open_corpus(first) as one, open_corpus(second) as two:
        for table in (*MARTS, "readme", "versions"):
            rows = f"select * from {table}"
            assert one.execute(rows).fetchall() == two.execute(rows).fetchall(), table
    if duckdb.__version__.startswith("1."):  # from 2.0 on a file carries an id of its own
        assert first.read_bytes() == second.read_bytes()


def test_analysts_read_while_a_flow_writes_and_flows_publish_while_they_read(
    tmp_path: Path,
) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1))
    store.publish(path, target, now=NOW)
    with child(READ, target) as reader, child(WRITE, path) as writer:
        assert line(writer) == "writing"
        assert line(reader) == "1"
        with open_corpus(target) as corpus:
            assert query(corpus, "select count(*) as n from post") == [{"n": 1}]
        writer.communicate("")
        assert store.publish(path, target, now=NOW)["post"] == 2
        assert reader.stdin is not None
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert line(reader) == "1"
        reader.communicate()
    with open_corpus(target) as corpus:
        assert query(corpus, "select count(*) as n from post") == [{"n": 2}]


def test_a_publication_killed_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1))
    store.publish(path, target, now=NOW)
    before = target.read_bytes()
    with child(DIE, path, target) as process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert target.read_bytes() == before
    store.publish(path, target, now=NOW)
    assert sorted(os.listdir(tmp_path)) == [
        "corpus.duckdb",
        "warehouse.duckdb",
        "warehouse.duckdb.lock",
    ]


def test_a_removed_post_leaves_the_published_file_with_the_next_publication(
    tmp_path: Path,
) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path, is_compressed=False) as warehouse:
        save(warehouse, post(1, text="the lantern by the weir"), post(2))
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(1), now=NOW)
    store.publish(path, target, now=NOW)
    with open_corpus(target) as corpus:
        assert query(corpus, "select post_key from post") == [{"post_key": 2}]


def test_publishing_before_any_round_gives_empty_tables_and_working_views(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1))
    assert store.publish(path, target, now=NOW)["label"] == 0
    with open_corpus(target) as corpus:
        assert query(corpus, "select * from v_norm") == []


def test_the_dictionary_describes_every_published_table() -> None:
    tables = {table.name: table for table in published_tables()}
    assert set(MARTS) < set(tables)
    for name in MARTS:
        assert all(column.comment for column in tables[name].columns), name
        assert re.search(r"Grain", tables[name].comment), name


def test_codings_of_the_round_reach_label_with_their_way(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        coded(warehouse, load_codebook(), n=3)
        late = codings(coding(3, "struggleposting", 0, coder="c4"))
        store.save_codings(warehouse, late, spans(), now=NOW)
    store.publish(path, target, now=NOW)
    with open_corpus(target) as corpus:
        [row] = query(
            corpus,
            "select l.value, l.label_route, l.codebook_version, s.incl_prob, count(*) as coders "
            "from label l join sample_unit s using (unit_type, unit_key) "
            "join annotation a using (unit_type, unit_key, code_id) "
            "where l.unit_key = 3 and l.code_id = 'struggleposting' group by all",
        )
    assert row == {
        "value": 1,
        "label_route": "majority",
        "codebook_version": "1.0.0",
        "incl_prob": 0.5,
        "coders": 4,
    }
