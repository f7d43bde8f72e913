"""Removed posts leave the published file as if it had been made anew, but for what is counted."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from annotation.codebook import load_codebook
from schema.interactions import Interaction
from tests.support.needs import REPOSITORY
from tests.support.warehouse_rows import (
    NOW,
    STAMP,
    author,
    counts,
    mark_copies,
    opened,
    post,
    removals,
    save,
)
from tests.test_publish import line
from tests.test_verdict_macros import coded
from warehouse import store
from warehouse.contexts import PostContext, save_contexts
from warehouse.corpus import open_corpus, query
from warehouse.models import MARTS

THREADS, REPLIES = 30, 12
SECRET = "the lantern by the weir"
# Counted or computed over posts, or a log: as of the publication.
COUNTED = {
    "collection_runs",
    "language_disagreement",
    "persistence_tally",
    "post_labels",
    "removals_audit",
    "verdict_checks",
    "wishes",
}
DIE = """
import os, signal, sys
from pathlib import Path
from tests.support.warehouse_rows import NOW
import warehouse.rewriting as rewriting
from warehouse.withdrawing import withdraw
rewriting.sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)
withdraw(Path(sys.argv[1]), Path(sys.argv[2]), now=NOW)
"""
READ = """
import sys
from pathlib import Path
from warehouse.corpus import open_corpus, query
with open_corpus(Path(sys.argv[1])) as corpus:
    for _ in range(2):
        print(query(corpus, "select count(*) as n from post")[0]["n"], flush=True)
        sys.stdin.readline()
"""


def fill(path: Path, seed: int) -> list[int]:
    """Store threads of some depth, with counts, copies, likes and things not shown."""
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for thread in range(1, THREADS + 1):
        root = thread * 1000
        rows.append(post(root, link_categories=["news"], author_pseudonym=author(thread % 7)))
        above = [root]
        for key in range(root + 1, root + 1 + REPLIES):
            parent = draw.choice(above)
            above.append(key)
            rows.append(post(key, thread_key=root, parent_key=parent))
    keys = [row["post_key"] for row in rows]
    seen = [
        {"post_key": key, "observed_at": NOW, "reddit_score": key % 50, "replies_count": 2}
        for key in keys
    ]
    liked = pl.DataFrame(
        [("reddit", key, "like", author(9000 + key % 11), None) for key in keys[::3]],
        schema=Interaction.create_empty().schema,
        orient="row",
    )
    with opened(path, is_compressed=False) as warehouse:
        store.begin_run(warehouse, STAMP, started_at=NOW)
        save(warehouse, *rows, snapshots=counts(*seen))
        copies = draw.sample(keys, 40)
        mark_copies(
            warehouse,
            *((copy, copies[n % 8], copies[n % 8]) for n, copy in enumerate(copies) if n >= 8),
        )
        store.save_interactions(
            warehouse, "like", Interaction.validate(liked), STAMP, reads=dict.fromkeys(keys, 1)
        )
        with warehouse.transaction():
            save_contexts(warehouse, [PostContext(key, "parent", "blocked") for key in keys[::5]])
    return keys


def rows_of(target: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    with duckdb.connect(str(target), read_only=True) as connection:
        return {
            name: Counter(connection.execute(f"from {name}").fetchall())
            for name in MARTS
            if name not in COUNTED
        }


@pytest.mark.parametrize("seed", range(2))
def test_what_stays_is_what_a_publication_would_hold(tmp_path: Path, seed: int) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    keys = fill(path, seed)
    store.publish(path, target, now=NOW)
    draw = random.Random(seed)
    for turn in range(2):
        gone = draw.sample(keys, 12)
        with opened(path) as warehouse:
            store.remove(warehouse, removals(*gone, authors=[author(turn)]), now=NOW)
        assert store.withdraw(path, target, now=NOW + timedelta(hours=turn))
        with opened(path) as warehouse:
            assert not store.read_due(warehouse).is_published_due
        anew = tmp_path / "anew.duckdb"
        before = rows_of(target)
        store.publish(path, anew, now=NOW)
        assert before == rows_of(anew)
        assert sum(before["reply_edge"].values()) > 100
        assert before["duplicates"]
        assert before["interaction_edge"]
        assert before["thread_context"]


def test_the_new_file_says_when_and_keeps_views_macros_and_comments(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    fill(path, 1)
    store.publish(path, target, now=NOW)
    asked = (
        "select database_name, table_name, column_name, comment from duckdb_columns() "
        "where not internal order by all"
    )
    made = "select function_name, macro_definition from duckdb_functions() where not internal"
    with open_corpus(target) as corpus:
        before = query(corpus, asked), query(corpus, made)
    for hours in (1, 2):
        with opened(path) as warehouse:
            store.remove(warehouse, removals(1000 * hours), now=NOW)
        assert store.withdraw(path, target, now=NOW + timedelta(hours=hours))
    with open_corpus(target) as corpus:
        assert (query(corpus, asked), query(corpus, made)) == before
        [told] = query(corpus, "select text from readme where text like 'Posts removed%'")
        assert told["text"] == (
            "Posts removed since were taken out 2026-03-01 14:00:00 UTC; counts and figures are "
            "older."
        )
        assert query(corpus, "select count(*) as n from threads")[0]["n"] == THREADS - 2
    assert oct(target.stat().st_mode)[-3:] == "644"


def test_no_byte_of_a_removed_post_stays(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    key = 0x5EED_5EED_5EED
    with opened(path, is_compressed=False) as warehouse:
        save(warehouse, post(key, text=SECRET), *(post(kept) for kept in range(1, 40)))
    store.publish(path, target, now=NOW)
    traces = [SECRET.encode(), author(key).encode(), key.to_bytes(8, "little")]
    assert all(trace in target.read_bytes() for trace in traces)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(key), now=NOW)
    assert store.withdraw(path, target, now=NOW)
    raw = target.read_bytes()
    assert not [trace for trace in traces if trace in raw]
    assert author(39).encode() in raw


def test_a_sampled_post_needs_a_publication(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        coded(warehouse, load_codebook(), n=20)
        save(warehouse, post(901), post(902))
    store.publish(path, target, now=NOW)
    before = target.read_bytes()
    with opened(path) as warehouse:
        store.remove(warehouse, removals(2, 901), now=NOW)
    assert not store.withdraw(path, target, now=NOW)
    assert target.read_bytes() == before
    with opened(path) as warehouse:
        assert store.read_due(warehouse).is_published_due
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(902), now=NOW)
    assert store.withdraw(path, target, now=NOW)


def test_another_wording_needs_a_publication(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1), post(2), post(3))
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        later = NOW - timedelta(days=1)
        save(warehouse, post(1, version_key=5, text="Reworded.", observed_at=later))
        store.remove(warehouse, removals(2), now=NOW)
        assert store.read_due(warehouse).is_published_reworded
    assert not store.withdraw(path, target, now=NOW)
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(3), now=NOW)
    assert store.withdraw(path, target, now=NOW)


def test_a_post_that_came_back_waits_for_the_next_publication(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1, text=SECRET), post(2))
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(1), now=NOW)
        save(warehouse, post(1, observed_at=NOW, text="Here again."), post(3))
    assert store.withdraw(path, target, now=NOW)
    with open_corpus(target) as corpus:
        assert query(corpus, "select post_key from post") == [{"post_key": 2}]


def test_an_accounts_own_page_needs_a_publication(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        host = author(0xABCDEF << 100)
        page = f"reddit/u_{host[:12]}"
        save(warehouse, post(1, author_pseudonym=host), post(2, community_key=page))
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(authors=[host]), now=NOW)
    assert not store.withdraw(path, target, now=NOW)


@pytest.mark.parametrize("what", ["another version's", "no database"])
def test_a_file_that_this_version_did_not_publish_is_left_alone(tmp_path: Path, what: str) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1), post(2))
    store.publish(path, target, now=NOW)
    if what == "no database":
        target.write_bytes(b"no database")
    else:
        with duckdb.connect(str(target)) as connection:
            connection.execute("update versions set version = '0' where part = 'warehouse'")
    with opened(path) as warehouse:
        store.remove(warehouse, removals(1), now=NOW)
    assert not store.withdraw(path, target, now=NOW)


def test_readers_keep_the_old_file_and_a_kill_leaves_it(tmp_path: Path) -> None:
    path, target = tmp_path / "warehouse.duckdb", tmp_path / "published" / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1), post(2))
    store.publish(path, target, now=NOW)
    with opened(path) as warehouse:
        store.remove(warehouse, removals(1), now=NOW)
    before = target.read_bytes()
    ended = subprocess.run([sys.executable, "-c", DIE, path, target], cwd=REPOSITORY, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert target.read_bytes() == before
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, target],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert line(reader) == "2"
    assert store.withdraw(path, target, now=NOW)
    assert reader.stdin is not None
    reader.stdin.write("\n")
    reader.stdin.flush()
    assert line(reader) == "2"
    reader.communicate("\n")
    assert os.listdir(target.parent) == [target.name]
    with open_corpus(target) as corpus:
        assert query(corpus, "select count(*) as n from post")[0]["n"] == 1
