"""The published file as an analyst asks it: `confide sql`, its shell, and the Python face."""

import csv
import json
import os
import pty
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows.shell import converse
from schema.errors import BadInput
from tests.support.command import Place
from tests.support.invented_study import POSTS
from warehouse import Corpus, open_corpus

AUTHORS = "select platform, count(distinct author_key) as authors from post group by all order by 1"
ODD = """select 'a "b", c
d' as "the text", null as nothing, ['x', 'y'] as list, true as yes, 0.5 as half"""
PAST_CSV = "select week, count(*) as posts from post group by week order by week"


@pytest.fixture
def corpus(invented_study: Place) -> Iterator[Corpus]:
    with open_corpus(invented_study.folder) as opened:
        yield opened


def test_python_gets_polars_frames(corpus: Corpus) -> None:
    posts = corpus.table("post")
    assert posts.height == POSTS - 1
    assert posts.schema["created_at"] == pl.Datetime("us")
    counted = posts.group_by("platform").agg(authors=pl.col("author_key").n_unique())
    assert_frame_equal(corpus.frame(AUTHORS), counted.sort("platform"), check_dtypes=False)
    [one] = corpus.frame("select count(*) as n from post where lang = $1", ["de"])["n"]
    assert 0 < one < POSTS / 10
    assert {"post", "label", "v_post", "readme"} <= set(corpus.tables()["name"])
    assert corpus.columns("label")["comment"].null_count() == 0
    mine = pl.DataFrame({"platform": ["reddit"]})
    corpus.connection.register("mine", mine)
    assert corpus.frame("select distinct platform from post join mine using (platform)").height == 1


@pytest.mark.parametrize(
    "statement",
    [
        "delete from post",
        "create table mine as select 1",
        "copy post to '{elsewhere}'",
        "attach '{elsewhere}' as other",
        "select * from read_csv('{there}')",
        "from '{there}'",
        "install httpfs",
        "set enable_external_access = true",
    ],
)
def test_a_statement_reaches_this_file_only(corpus: Corpus, tmp_path: Path, statement: str) -> None:
    there = tmp_path / "there.csv"
    there.write_text("a\n1\n", "utf-8")
    with pytest.raises(BadInput, match="does not run"):
        corpus.rows(statement.format(elsewhere=tmp_path / "x", there=there))
    assert list(tmp_path.iterdir()) == [there]


def test_no_variable_of_the_program_answers_for_a_table(corpus: Corpus) -> None:
    counted = pl.DataFrame({"n": [1]})
    with pytest.raises(BadInput, match="counted"):
        corpus.frame("select * from counted")
    assert counted.height == 1


def test_what_spills_stays_within_its_bounds(corpus: Corpus) -> None:
    corpus.execute("set memory_limit = '40MB'")
    found = corpus.frame(
        "select a.text_masked || b.range as text from post a, range(150) b order by 1 desc limit 3"
    )
    assert found.height == 3


def test_every_format_tells_the_same(invented_study: Place) -> None:
    asked = {
        shape: invented_study.invoke("sql", ODD, "--format", shape).succeeds().out
        for shape in ("csv", "json", "ndjson", "table")
    }
    [header, values] = csv.reader(StringIO(asked["csv"]))
    assert header == ["the text", "nothing", "list", "yes", "half"]
    assert values == ['a "b", c\nd', "", "['x', 'y']", "True", "0.5"]
    [row] = json.loads(asked["json"])
    assert row == json.loads(asked["ndjson"])
    assert row["list"] == ["x", "y"]
    assert 'a "b", c' in asked["table"]
    assert json.loads(invented_study.invoke("sql", ODD, "--json").succeeds().out) == [row]
    assert json.loads(invented_study.invoke("sql", "from post where false", "--json").out) == []


@pytest.mark.parametrize("ending", ["csv", "json", "ndjson", "parquet"])
def test_a_file_takes_all_rows_and_keeps_their_types(
    invented_study: Place, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"weeks'.{ending}"
    told = invented_study.invoke("sql", f"{PAST_CSV};", "--out", str(out))
    assert (told.code, told.out) == (0, ""), told.said
    assert told.err.startswith("13 rows in ")
    assert out.stat().st_mode & 0o777 == 0o600
    read = {
        "csv": lambda path: pl.read_csv(path, try_parse_dates=True),
        "json": pl.read_json,
        "ndjson": pl.read_ndjson,
        "parquet": pl.read_parquet,
    }[ending]
    frame = read(out)
    if ending in ("json", "ndjson"):
        frame = frame.with_columns(pl.col("week").str.to_date())
    with open_corpus(invented_study.folder) as corpus:
        assert_frame_equal(frame, corpus.frame(PAST_CSV))
    again = invented_study.invoke("sql", PAST_CSV, "--out", str(out))
    again.refuses(2, "is there already")


def test_what_does_not_fit_is_one_sentence(invented_study: Place, tmp_path: Path) -> None:
    def refuses(*arguments: str, words: tuple[str, ...]) -> None:
        invented_study.invoke("sql", *arguments).refuses(2, *words)

    refuses("select * from posts", words=("does not run", 'Did you mean "post'))
    refuses("selec 1", words=("does not run", "syntax error"))
    refuses("select 1", "--format", "xlsx", words=("--format xlsx", "csv"))
    refuses("select 1", "--format", "parquet", words=("--out",))
    refuses("select 1", "--out", str(tmp_path / "x.xlsx"), words=("x.xlsx", "parquet"))
    refuses("select 1", "--out", str(tmp_path / "no" / "x.csv"), words=("cannot be written",))
    refuses("selec 1", "--out", str(tmp_path / "x.csv"), words=("does not run", "syntax error"))
    assert list(tmp_path.iterdir()) == []


def test_a_long_table_says_that_there_is_more(invented_study: Place) -> None:
    told = invented_study.invoke("sql", "select post_key from post").succeeds().out
    assert told.endswith("the first 200 rows; --format csv or --out FILE gives all\n")
    assert told.count("\n") < 220


def talk(corpus: Corpus, *lines: str) -> str:
    """Say these lines to the shell and return what it said."""
    said: list[str] = []
    left = iter(lines)

    def read(_prompt: str) -> str:
        try:
            return next(left)
        except StopIteration:
            raise EOFError from None

    def answer(statement: str) -> None:
        said.append(f"<{statement}> {[row[0] for row in corpus.rows(statement)]}")

    converse(corpus, answer=answer, read=read, say=said.append)
    return "\n".join(said)


def test_the_shell_answers_and_forgives(corpus: Corpus) -> None:
    told = talk(corpus, "select 1", "+ 1;", "", "select nosuch;", "select 3;", ".quit", "select 4;")
    assert "Published 2026-04-21 12:00:00 UTC." in told
    assert "<select 1\n+ 1;> [2]" in told
    assert "does not run" in told
    assert "[3]" in told
    assert "[4]" not in told
    told = talk(corpus, ".tables", ".columns label", ".columns nosuch", ".readme", ".what")
    for word in ("v_thread", "label_route", "no table is called nosuch", "UTC", ".quit"):
        assert word in told


def test_on_a_terminal_the_verb_talks(invented_study: Place) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"select count(*) as posts from post;\n\x04")
    with invented_study.start("sql", stdin=theirs) as process:
        out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, err) == (0, "")
    assert f"│ {POSTS - 1}" in out


def test_the_file_opens_in_duckdb_itself(invented_study: Place) -> None:
    path = invented_study.folder / "published" / "corpus.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        [(line,)] = connection.execute("select text from readme limit 1").fetchall()
        assert line.startswith("What a row is")
