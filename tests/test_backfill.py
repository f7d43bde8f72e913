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
import zstandard

from bench.invented_dump import write_dump
from tests.support.command import SECONDS, Outcome, Place, place
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, VENUE, WRITER, Village, minutely, village
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
EARLIER = NOON - timedelta(days=9)


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


# --- archives --------------------------------------------------------------------------------

DUMPS = """[[source]]
name = "dumps"
kind = "reddit_archive"
permission = { reference = "invented", covers = "invented posts", expires = 2026-12-31 }
"""
LARGE_DUMP = 24 * 2**20  # bytes of lines: 8,000 posts
MOMENTS = (
    pytest.param(4, 0.3, id="while a page is stored"),
    pytest.param(11, 0.05, id="further on"),
    *(
        pytest.param(nth, seconds, marks=pytest.mark.long)
        for nth, seconds in ((1, 0.0), (2, 0.6), (7, 0.15), (17, 0.02))
    ),
)


def line(number: int, *, at: datetime, **fields: Any) -> dict[str, Any]:
    """Write a submission as dumps show it: as the village's, with that writer's name."""
    return {
        "id": f"v{number:05d}",
        "name": f"t3_v{number:05d}",
        "author": WRITER.name,
        "created_utc": int(at.timestamp()),
        "subreddit": VENUE.name,
        "title": f"Porch note {number}",
        "selftext": f"The boards creaked {number} times today.",
        "score": 3,
        "num_comments": 0,
        "over_18": False,
        "is_self": True,
        "retrieved_on": int(at.timestamp()) + 60,
        **fields,
    }


def packed(path: Path, lines: Sequence[bytes]) -> Path:
    """Pack lines as dumps are packed, their window included."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=31)
    data = b"".join(one + b"\n" for one in lines)
    path.write_bytes(zstandard.ZstdCompressor(compression_params=parameters).compress(data))
    return path


def dump(path: Path, rows: Sequence[dict[str, Any]], *besides: bytes) -> Path:
    return packed(path, [*(json.dumps(row).encode() for row in rows), *besides])


@pytest.fixture(scope="module")
def large_dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invent a month of posts, with a window of 2 GiB."""
    path = tmp_path_factory.mktemp("dumps") / "RS_2022-01.zst"
    write_dump(path, LARGE_DUMP)
    return path


@pytest.fixture
def archive(study: Place, porch: Village) -> Place:
    """Make a study with a live source and an archive, of everything since Reddit began."""
    study.write_study(reddit=porch.url, sources=PORCH + DUMPS)
    toml = study.folder / "study.toml"
    toml.write_text(toml.read_text("utf-8").replace("2026-01-01", "2005-06-23"), "utf-8")
    return study


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer, large_dump: Path
) -> tuple[str, int]:
    """Read the whole dump once; return what the tables sum up to, and how many posts are new."""
    made = place(tmp_path_factory.mktemp("undisturbed"), **prefect_server.environment())
    made.write_study(sources=DUMPS)
    toml = made.folder / "study.toml"
    toml.write_text(toml.read_text("utf-8").replace("2026-01-01", "2005-06-23"), "utf-8")
    told = counts(made.invoke("backfill", str(large_dump), "--json"))
    assert told["new"] + told["outside_policy"] + told.get("other_language", 0) == 8_000
    return made.table_hash(), told["new"]


@pytest.mark.parametrize(("nth", "seconds"), MOMENTS)
def test_a_dump_whose_reading_was_killed_is_read_on(
    archive: Place,
    large_dump: Path,
    undisturbed: tuple[str, int],
    nth: int,
    seconds: float,
) -> None:
    whole, new_count = undisturbed
    assert killed(archive, "backfill", str(large_dump), nth=nth, seconds=seconds) == KILLED
    rest = counts(archive.invoke("backfill", str(large_dump), "--json"))
    assert 0 < rest["new"] < new_count  # what was stored is not read again
    assert archive.table_hash() == whole


# the kernel's own account of a child begins with what its parent held
PEAK = """
import sys
from pathlib import Path
from flows.cli import app

try:
    app(sys.argv[1:])
finally:
    status = dict(one.split(":") for one in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) * 1024)
"""


def peak_bytes(study: Place, path: Path) -> int:
    """Read a dump with the command; return the most memory its process held."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, "backfill", str(path), "--study", str(study.folder)],
        env={**os.environ, "XDG_CONFIG_HOME": str(study.config), **study.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return int(done.stdout.split()[-1])


@pytest.mark.long
def test_the_command_needs_the_window_and_half_a_gib_above_what_it_needs_anyway(
    archive: Place, tmp_path: Path
) -> None:
    few = dump(tmp_path / "RS_few.zst", [line(n, at=EARLIER) for n in range(50)])
    anyway = peak_bytes(archive, few)
    many = tmp_path / "RS_2022-01.zst"
    write_dump(many, 3 * 2**30 + 2**27)
    assert peak_bytes(archive, many) - anyway < 2**31 + 2**29


def test_a_dump_read_again_changes_nothing(archive: Place, tmp_path: Path) -> None:
    path = dump(tmp_path / "RS.zst", [line(n, at=EARLIER) for n in range(50)])
    assert counts(archive.invoke("backfill", str(path), "--json")) == {"new": 50}
    before = archive.table_hash()
    assert counts(archive.invoke("backfill", str(path), "--json")) == {}
    repacked = tmp_path / "RS.ndjson"  # another file with the same posts
    repacked.write_bytes(
        zstandard.ZstdDecompressor(max_window_size=2**31).decompress(
            path.read_bytes(), max_output_size=2**20
        )
    )
    assert counts(archive.invoke("backfill", str(repacked), "--json")) == {"unchanged": 50}
    assert archive.table_hash() == before


def test_a_file_that_failed_is_shown_beside_one_that_was_read(
    archive: Place, tmp_path: Path
) -> None:
    broken = tmp_path / "RS_broken.zst"
    broken.write_bytes(zstandard.ZstdCompressor().compress(b"no lines of JSON at all\n"))
    good = dump(tmp_path / "RS.zst", [line(n, at=EARLIER) for n in range(3)])
    assert archive.invoke("backfill", str(broken), str(good)).code == 2
    runs = [run for run in status_of(archive, "runs") if run["source"] == "dumps"]
    assert sorted(run["status"] for run in runs) == ["completed", "failed"]
    assert len({run["stream"] for run in runs}) == 2
    assert counts(archive.invoke("backfill", str(good), "--json")) == {}
    assert len(status_of(archive, "runs")) == 2  # that one still lacks its rows


def test_damaged_lines_are_set_aside_and_counted(archive: Place, tmp_path: Path) -> None:
    rows = [line(n, at=EARLIER) for n in range(5)]
    rows += [line(5, at=EARLIER, created_utc="last winter"), line(6, at=EARLIER, title=None)]
    whole = dump(
        tmp_path / "RS.zst", rows, b'{"id": "cut', b"[]", b'{"id": "x9", "title": "\\ud83d"}'
    )
    told = counts(archive.invoke("backfill", str(whole), "--json"))
    assert told == {"new": 5, "set_aside": 5}
    aside = {r["rule"]: r["items_count"] for r in status_of(archive, "set_aside")}
    assert sum(aside.values()) == 5
    assert {"line is no JSON", "line is no object", "half a surrogate pair"} <= set(aside)


def test_a_dump_cut_short_gives_what_it_holds(
    archive: Place, large_dump: Path, tmp_path: Path
) -> None:
    data = large_dump.read_bytes()
    torn = tmp_path / "RS.zst"
    torn.write_bytes(data[: len(data) * 2 // 3])
    told = counts(archive.invoke("backfill", str(torn), "--json"))
    assert 1000 < told["new"] < 8000
    assert {r["rule"]: r["items_count"] for r in status_of(archive, "set_aside")}[
        "file is cut short"
    ] == 1
    [run] = [run for run in status_of(archive, "runs") if run["source"] == "dumps"]
    assert run["status"] == "completed"
    assert counts(archive.invoke("backfill", str(torn), "--json")) == {}


def test_a_filter_keeps_to_what_the_study_names(
    archive: Place, porch: Village, tmp_path: Path
) -> None:
    archive.write_study(
        reddit=porch.url,
        sources=DUMPS + 'subreddits = ["QuietPorch"]\nkeywords = ["Lamp"]\nminimum_chars = 20\n',
    )
    path = dump(
        tmp_path / "RS.zst",
        [
            line(1, at=EARLIER, selftext="The lamp is still burning in my window tonight."),
            line(2, at=EARLIER, selftext="The kettle is still singing in my kitchen tonight."),
            line(3, at=EARLIER, selftext="lamp", title="A"),
            line(4, at=EARLIER, selftext="The lamp burns over there, too.", subreddit="Elsewhere"),
            line(5, at=datetime(2019, 1, 1, tzinfo=UTC), selftext="The lamp burnt years ago."),
        ],
    )
    assert counts(archive.invoke("backfill", str(path), "--json")) == {"new": 1}
    toml = archive.folder / "study.toml"
    toml.write_text(toml.read_text("utf-8").replace('"Lamp"', '"Lamp", "kettle"'), "utf-8")
    told = counts(archive.invoke("backfill", str(path), "--json"))
    assert told == {"new": 1, "unchanged": 1}  # another filter is another reading


@pytest.mark.parametrize("first", ["collect", "backfill"])
def test_a_post_met_live_and_in_a_dump_is_one_post(
    archive: Place, tmp_path: Path, first: str
) -> None:
    dumped = [line(n, at=NOON - timedelta(minutes=4 - n)) for n in range(3)]
    path = dump(tmp_path / "RS.zst", dumped)
    verbs = {"collect": ["collect", "--json"], "backfill": ["backfill", str(path), "--json"]}
    new = {"collect": 4, "backfill": 3}[first]
    assert counts(archive.invoke(*verbs.pop(first)))["new"] == new
    [last] = verbs.values()
    told = counts(archive.invoke(*last))
    assert (told.get("new", 0), told["unchanged"]) == (4 - new, 3)
    assert [row["posts_count"] for row in status_of(archive, "posts")] == [4]


def test_what_a_dump_shows_as_removed_goes_and_stays_away(
    archive: Place, porch: Village, tmp_path: Path
) -> None:
    porch.now = NOON - timedelta(seconds=30)
    archive.having(CONFIDE_NOW=porch.now.isoformat()).invoke("collect").succeeds()
    porch.now = NOON
    posted = [NOON - timedelta(minutes=4 - n) for n in range(3)]
    dumped = [line(n, at=at, retrieved_on=int(NOON.timestamp())) for n, at in enumerate(posted)]
    gone = [
        {**dumped[0], "selftext": "[removed]"},
        {**dumped[1], "author": "[deleted]"},
        line(2, at=posted[2], selftext="[removed]"),  # and came back: it was seen live since
    ]
    told = counts(archive.invoke("backfill", str(dump(tmp_path / "RS.zst", gone)), "--json"))
    assert told["removed"] == 2
    assert [row["posts_count"] for row in status_of(archive, "posts")] == [2]
    older = dump(tmp_path / "older.zst", dumped)  # another dump brings none of them back
    assert "new" not in counts(archive.invoke("backfill", str(older), "--json"))
    assert [row["posts_count"] for row in status_of(archive, "posts")] == [2]


def test_a_file_that_is_no_dump_is_one_sentence(archive: Place, tmp_path: Path) -> None:
    path = tmp_path / "moss-lantern-7731.zst"
    path.write_bytes(b"\x00\x01 no dump")
    told = archive.invoke("backfill", str(path))
    told.refuses(2, "moss-lantern-7731.zst")
    archive.invoke("backfill", str(path), "--newest").refuses(2, "--newest is for exports")


# --- exports ---------------------------------------------------------------------------------


def test_a_table_is_read_once_however_often_it_is_named(
    study: Place, tmp_path: Path, prefect_server: PrefectServer
) -> None:
    path = tmp_path / "export.csv"
    table(range(40)).write_csv(path)
    first = study.invoke("backfill", str(path), "--json")
    assert counts(first) == {"new": 40}
    shown = prefect_server.ask("artifacts/filter", sort="CREATED_DESC")
    assert next(it["data"] for it in shown if it["type"] == "progress") == 100.0
    assert counts(study.invoke("backfill", str(path), str(path), "--json")) == {}
    copied = tmp_path / "another name.csv"
    copied.write_bytes(path.read_bytes())
    before = study.table_hash()
    assert counts(study.invoke("backfill", str(copied), "--json")) == {}
    assert study.table_hash() == before
    [run] = [run for run in status_of(study, "runs") if run["source"] == "rfr"]
    assert run["status"] == "completed"


@pytest.mark.parametrize(
    ("nth", "seconds"), [pytest.param(1, 0.0, marks=pytest.mark.long), (3, 0.2)]
)
def test_a_table_whose_reading_was_killed_is_read_on(
    study: Place, tmp_path: Path, nth: int, seconds: float
) -> None:
    path = tmp_path / "export.parquet"
    table(range(2_500)).write_parquet(path)
    whole = place(tmp_path / "whole", **study.environment)
    whole.write_study(sources=RFR)
    assert counts(whole.invoke("backfill", str(path), "--json")) == {"new": 2_500}
    assert killed(study, "backfill", str(path), nth=nth, seconds=seconds) == KILLED
    rest = counts(study.invoke("backfill", str(path), "--json"))
    assert 0 < rest["new"] <= 2_500 - nth * 500
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


def test_neither_people_nor_the_name_of_a_file_are_at_rest(tmp_path: Path, porch: Village) -> None:
    study = place(tmp_path)  # with Prefect's own database inside the study
    study.write_study(reddit=porch.url, sources=DUMPS + RFR)
    rows = table(range(30))
    export, archive = tmp_path / "moss-lantern-7731.csv", tmp_path / "moss-lantern-7731.zst"
    said = pl.format("{} as u/{} says", "selftext", pl.lit(WRITER.name))
    rows.with_columns(selftext=said).write_csv(export)
    dump(archive, [line(n, at=EARLIER, selftext=f"I am {WRITER.name}.") for n in range(20)])
    torn = tmp_path / "torn-by-moss-lantern-7731.zst"
    torn.write_bytes(b"no dump")
    told = study.run("backfill", str(export), "--source", "rfr", "--json")
    assert counts(told) == {"new": 30}
    told = study.run("backfill", str(archive), str(torn), "--source", "dumps", "--json")
    told.refuses(2, torn.name)
    assert [row["posts_count"] for row in status_of(study, "posts")] == [50]
    ids = [f"t3_v{number:05d}" for number in range(20)]
    names = Names((WRITER.name, *rows["author_hash"].unique(), *rows["id"], *ids))
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
