"""`confide backfill` on a real study: files read once, whole, wherever a run was cut off."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.command import SECONDS, Outcome, Place, place
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, VENUE, Village, minutely, village
from tests.support.scanner import Names, scan

pytestmark = pytest.mark.prefect_server

RFR = """[[source]]
name = "rfr"
kind = "reddit_export"
columns = { native_id = "id", author = "author_hash", text = "selftext", title = "title", \
created_at = "created", venue = "subreddit" }
permission = { reference = "invented", covers = "invented posts", expires = 2026-12-31 }
"""
PORCH = """[[source]]
name = "porch"
kind = "reddit"
subreddit = "QuietPorch"
comments = "none"
"""
WORDS = (
    "The boards of the porch creaked while I waited for the evening bus and nobody called",
    "My neighbour left a lamp in the window again and I could not sleep at all last night",
    "We talked about the rent and the letter, and then about the garden behind the house",
)
KILLED = -signal.SIGKILL


def hashed_user(number: int) -> str:
    return f"{number * 2654435761 % 2**64:016x}{number:016x}"


def table(numbers: Sequence[int]) -> pl.DataFrame:
    """Write submissions that many writers made, an hour apart."""
    start = datetime(2026, 1, 2, tzinfo=UTC)
    return pl.DataFrame(
        {
            "id": [f"t3_x{number:06x}" for number in numbers],
            "author_hash": [hashed_user(number % 500) for number in numbers],
            "title": [f"Porch note {number}" for number in numbers],
            "selftext": [f"{WORDS[number % 3]}, for the {number}th time." for number in numbers],
            "created": [start + timedelta(seconds=30 * number) for number in numbers],
            "subreddit": [VENUE.name] * len(numbers),
        }
    )


def counts(told: Outcome) -> dict[str, int]:
    """Add up what a verb said it did."""
    told.succeeds()
    total: dict[str, int] = {}
    for tally in json.loads(told.out).values():
        for name, count in tally.items():
            total[name] = total.get(name, 0) + count
    return {name.removesuffix("_count"): count for name, count in total.items() if count}


def status_of(study: Place, section: str) -> list[dict[str, Any]]:
    gathered: list[dict[str, Any]] = json.loads(study.invoke("status", "--json").succeeds().out)[
        section
    ]
    return gathered


def killed(study: Place, *arguments: str, nth: int, seconds: float) -> int:
    """Run a verb that dies a moment after its nth page."""
    command = [sys.executable, "-m", "tests.support.killed_backfill", str(nth), str(seconds)]
    variables = {"XDG_CONFIG_HOME": str(study.config), **study.environment}
    done = subprocess.run(
        [*command, *arguments, "--study", str(study.folder)],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return done.returncode


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    """Serve a subreddit of four posts."""
    with village(minutely(4, until=NOON)) as opened:
        yield opened


@pytest.fixture
def study(tmp_path: Path, prefect_server: PrefectServer, porch: Village) -> Place:
    """Make a study with a live source and an export, which collected nothing yet."""
    made = place(tmp_path, **prefect_server.environment())
    made.write_study(reddit=porch.url, sources=PORCH + RFR)
    return made


# --- exports ---------------------------------------------------------------------------------


def test_a_table_is_read_once_however_often_it_is_named(study: Place, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    table(range(40)).write_csv(path)
    first = study.invoke("backfill", str(path), "--json")
    assert counts(first) == {"new": 40}
    assert counts(study.invoke("backfill", str(path), str(path), "--json")) == {}
    copied = tmp_path / "another name.csv"
    copied.write_bytes(path.read_bytes())
    before = study.table_hash()
    assert counts(study.invoke("backfill", str(copied), "--json")) == {}
    assert study.table_hash() == before
    [run] = [run for run in status_of(study, "runs") if run["source"] == "rfr"]
    assert run["status"] == "completed"


@pytest.mark.parametrize(("nth", "seconds"), [(1, 0.0), (2, 0.4)])
def test_a_table_whose_reading_was_killed_is_read_on(
    study: Place, tmp_path: Path, nth: int, seconds: float
) -> None:
    path = tmp_path / "export.parquet"
    table(range(25_000)).write_parquet(path)
    whole = place(tmp_path / "whole", **study.environment)
    whole.write_study(sources=RFR)
    assert counts(whole.invoke("backfill", str(path), "--json")) == {"new": 25_000}
    assert killed(study, "backfill", str(path), nth=nth, seconds=seconds) == KILLED
    rest = counts(study.invoke("backfill", str(path), "--json"))
    assert 0 < rest["new"] <= 25_000 - nth * 10_000
    assert study.table_hash() == whole.table_hash()


def test_what_the_newest_export_lacks_is_removed(study: Place, tmp_path: Path) -> None:
    old, new = tmp_path / "spring.csv", tmp_path / "summer.csv"
    table(range(10)).write_csv(old)
    table([0, 1, 2, 3, 4, 5, 6, 10]).write_csv(new)
    assert counts(study.invoke("backfill", str(old), "--json")) == {"new": 10}
    told = counts(study.invoke("backfill", str(new), "--newest", "--json"))
    assert told == {"new": 1, "unchanged": 7, "removed": 3}
    assert [row["posts_count"] for row in status_of(study, "posts")] == [8]
    assert counts(study.invoke("backfill", str(new), "--newest", "--json")) == {}


def test_an_export_of_somebody_else_removes_nothing(study: Place, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine.csv", tmp_path / "other.csv"
    table(range(3)).write_csv(mine)
    table([]).write_csv(other)
    study.invoke("backfill", str(mine)).succeeds()
    before = study.table_hash()
    told = study.invoke("backfill", str(other), "--newest")
    told.refuses(2, "source rfr", "hold none of its 3 posts", "newest export")
    assert study.table_hash() == before


def test_a_map_that_does_not_fit_the_table_is_one_sentence(study: Place, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    table(range(3)).rename({"selftext": "body"}).write_csv(path)
    told = study.invoke("backfill", str(path))
    told.refuses(2, "export.csv has no column selftext", "columns.text", "study.toml")
    study.invoke("backfill", str(tmp_path / "gone.csv")).refuses(2, "gone.csv cannot be read")


# --- which source, and who may ---------------------------------------------------------------


def test_a_source_of_files_must_be_named_where_there_are_two(
    study: Place, porch: Village, tmp_path: Path
) -> None:
    path = tmp_path / "export.csv"
    table(range(3)).write_csv(path)
    study.write_study(reddit=porch.url, sources=RFR + RFR.replace('"rfr"', '"rfr-two"'))
    study.invoke("backfill", str(path)).refuses(2, "--source: rfr, rfr-two")
    study.invoke("backfill", str(path), "--source", "porch").refuses(2, "no source of files")
    told = study.invoke("backfill", str(path), "--source", "rfr-two", "--json")
    assert counts(told) == {"new": 3}
    study.write_study(reddit=porch.url, sources=PORCH)
    study.invoke("backfill", str(path)).refuses(2, "reddit_archive or reddit_export")


def test_a_pass_over_all_sources_leaves_files_alone_and_says_so(study: Place) -> None:
    told = study.invoke("collect").succeeds()
    collected, from_files = told.out.splitlines()
    assert collected.startswith("porch: 4 new")
    assert from_files == "rfr: is read from files: `confide backfill FILE… --source rfr`"
    study.invoke("collect", "rfr").refuses(2, "source rfr", "confide backfill FILE")


def test_an_expired_permission_keeps_files_out(study: Place, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    table(range(3)).write_csv(path)
    study.write_study(reddit="https://www.reddit.com", sources=RFR)
    study.invoke("backfill", str(path)).refuses(3, "source rfr", "R5", "[policy.ethics]")
    ethics = '[policy.ethics]\nprotocol = "x"\nimpact_assessment = "x"\nnotice_url = "x"\n'
    lapsed = RFR.replace("2026-12-31", "2026-01-31")
    study.write_study(
        reddit="https://www.reddit.com", sources=f"{ethics}expires = 2026-12-31\n{lapsed}"
    )
    study.invoke("backfill", str(path)).refuses(3, "source rfr", "R2", "expired on 2026-01-31")
    assert not (study.folder / "warehouse.duckdb").exists()


# --- names -----------------------------------------------------------------------------------


def test_neither_users_nor_the_name_of_the_file_are_at_rest(tmp_path: Path, porch: Village) -> None:
    study = place(tmp_path)  # with Prefect's own database inside the study
    study.write_study(reddit=porch.url, sources=PORCH + RFR)
    rows = table(range(30))
    path = tmp_path / "moss-lantern-7731.csv"
    told = rows.with_columns(selftext=pl.format("{} says u/moss-lantern-7731", pl.col("selftext")))
    told.write_csv(path)
    assert counts(study.run("backfill", str(path), "--json")) == {"new": 30}
    study.run("backfill", str(tmp_path / "gone-moss-lantern-7731.csv"))
    names = Names(("moss-lantern-7731", *rows["author_hash"].unique(), *rows["id"]))
    assert list((study.folder / "var" / "prefect").rglob("*.db"))
    present = [path for path in study.folder.iterdir() if path.name != "vault.sqlite"]
    assert not [(f.path.name, f.where, f.kind) for f in scan(present, names)]


# --- progress --------------------------------------------------------------------------------


def test_a_terminal_sees_how_far_it_is(study: Place, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    table(range(30)).write_csv(path)
    said = on_a_terminal(study, "backfill", str(path))
    assert "reading" in said
    assert "kB" in said
    assert "reading" not in on_a_terminal(study, "backfill", str(path), "--json")


def on_a_terminal(study: Place, *arguments: str) -> str:
    """Run a verb whose standard error is a terminal; return what that showed."""
    ours, theirs = pty.openpty()
    variables = {"XDG_CONFIG_HOME": str(study.config), **study.environment}
    with subprocess.Popen(
        [Path(sys.executable).with_name("confide"), *arguments, "--study", str(study.folder)],
        env={**os.environ, "TERM": "xterm", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # its end of the terminal is closed
            pass
        assert process.wait(timeout=SECONDS) == 0, shown
    os.close(ours)
    return shown.decode()
