"""What of a study runs when, and what is refused before anything starts."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from flows.environment import UP_FILE, running_server
from flows.schedules import followed, last_turn, next_turns, plan
from schema.study_file import load_study
from tests.support.command import PORCH, Place, place
from tests.support.ports import free_port

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
STREAM = '[[source]]\nname = "words"\nkind = "bluesky_stream"\nkeywords = ["umbrella"]\n'
SEARCH = '[[source]]\nname = "search"\nkind = "bluesky_search"\nquery = "umbrella"\n'
DUMPS = """[[source]]
name = "dumps"
kind = "reddit_archive"
permission = { reference = "x", covers = "x", expires = 2027-01-01 }
"""
BERLIN = 'since = 2026-01-01\ntime_zone = "Europe/Berlin"'


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """Return a study of one subreddit."""
    made = place(tmp_path)
    made.write_study()
    return made


def planned(here: Place, *sources: str, zone: str | None = None) -> dict[str, str]:
    """Plan a study of these sources; return when each runs."""
    study = written(here, *sources, zone=zone)
    return {each.name: each.when for each in plan(load_study(study))}


def written(here: Place, *sources: str, zone: str | None = None) -> Path:
    here.write_study(sources="\n".join(sources))
    path = here.folder / "study.toml"
    if zone is not None:
        path.write_text(path.read_text().replace("since = 2026-01-01", zone))
    return path


def test_a_source_runs_when_it_says_and_else_as_its_kind_does(here: Place) -> None:
    often = PORCH.replace("porch", "often") + 'every = "5m"\n'
    nightly = PORCH.replace("porch", "nightly") + 'cron = "0 2 * * *"\n'
    assert planned(here, PORCH, often, nightly, SEARCH, zone=BERLIN) == {
        "porch": "every 30m (Europe/Berlin)",
        "often": "every 5m (Europe/Berlin)",
        "nightly": "cron 0 2 * * * (Europe/Berlin)",
        "search": "every 6h (Europe/Berlin)",
        "refresh": "every 15m (Europe/Berlin)",
        "retain": "cron 30 3 * * * (Europe/Berlin)",
        "publish": "cron 0 4 * * * (Europe/Berlin)",
    }


def test_what_is_read_from_files_has_no_turn_and_a_stream_is_followed(here: Place) -> None:
    assert set(planned(here, DUMPS, STREAM)) == {"refresh", "retain", "publish"}
    assert followed(load_study(here.folder / "study.toml")) == ("words",)


def test_a_stream_that_says_when_is_read_in_passes(here: Place) -> None:
    assert planned(here, STREAM + 'every = "2h"\n')["words"] == "every 2h (UTC)"
    assert followed(load_study(here.folder / "study.toml")) == ()


def test_turns_keep_to_the_study_s_clock_over_the_change_to_summer_time(here: Place) -> None:
    study = load_study(written(here, PORCH, zone=BERLIN))
    [publish] = [each for each in plan(study) if each.name == "publish"]
    berlin = ZoneInfo("Europe/Berlin")
    first, second = next_turns(publish, NOON)
    assert (first, second) == (
        datetime(2026, 3, 29, 4, tzinfo=berlin),
        datetime(2026, 3, 30, 4, tzinfo=berlin),
    )
    assert (first.astimezone(UTC).hour, second.hour) == (2, 4)


def test_a_restart_moves_no_turn(here: Place) -> None:
    study = load_study(written(here, PORCH, PORCH.replace("porch", "second")))
    porch, second, *_ = plan(study)
    for minute in (0, 1, 29):
        now = NOON.replace(minute=minute)
        assert last_turn(porch, now) <= now < next_turns(porch, now)[0]
        assert next_turns(porch, now)[0] == NOON.replace(minute=30)
    assert next_turns(second, NOON)[0] == NOON.replace(minute=10)


def test_many_sources_that_are_due_often_are_spread_over_their_interval(here: Place) -> None:
    often = [PORCH.replace("porch", f"porch-{n}") + 'every = "2m"\n' for n in range(20)]
    turns = [next_turns(each, NOON)[0] for each in plan(load_study(written(here, *often)))[:20]]
    since_noon = [(turn - NOON).total_seconds() for turn in turns]
    assert since_noon == [120.0, *(6.0 * n for n in range(1, 20))]


def test_check_says_what_would_run_and_starts_nothing(here: Place) -> None:
    written(here, PORCH, STREAM)
    table = here.invoke("up", "--check", "--port", str(free_port())).succeeds().out
    for word in ("collect porch", "every 30m (UTC)", "stream words", "all the time", "refresh"):
        assert word in table
    assert not list((here.folder / "var").glob("up*"))


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (PORCH + 'cron = "whenever"\n', ("source porch", "'whenever'", "weekday")),
        (PORCH + 'cron = "0 0 31 2 *"\n', ("source porch", "weekday")),
        ("", ("no [[source]]",)),
    ],
)
def test_what_cannot_run_is_refused_before_anything_starts(
    here: Place, sources: str, words: tuple[str, ...]
) -> None:
    written(here, sources)
    here.invoke("up", "--port", str(free_port())).refuses(2, *words)
    assert not list((here.folder / "var").glob("up*"))


def test_a_time_zone_that_is_none_names_its_line(here: Place) -> None:
    written(here, PORCH, zone='since = 2026-01-01\ntime_zone = "Europe/Bärlin"')
    here.invoke("up", "--check").refuses(2, "line 4", "study.time_zone", "Europe/Berlin")


def test_a_server_of_one_s_own_is_left_to_its_owner(here: Place) -> None:
    theirs = here.having(PREFECT_API_URL="http://127.0.0.1:9/api")
    theirs.invoke("up").refuses(2, "PREFECT_API_URL", "--prefect-yaml")


def test_a_file_that_a_crash_left_joins_nobody(here: Place) -> None:
    state = here.folder / "var"
    state.mkdir()
    (state / UP_FILE).write_text('{"api": "http://127.0.0.1:9/api", "pid": 1}')
    assert running_server(here.folder) is None


def test_the_yaml_says_what_the_plan_says(here: Place) -> None:
    written(here, PORCH, STREAM)
    told = here.invoke("up", "--prefect-yaml").succeeds().out
    deployments = yaml.safe_load(told)["deployments"]
    assert [each["name"] for each in deployments] == ["porch", "refresh", "retain", "publish"]
    assert deployments[0]["parameters"] == {"sources": ["porch"]}
    assert deployments[3]["schedules"] == [
        {"slug": "publish", "timezone": "UTC", "cron": "0 4 * * *"}
    ]
