"""The clock: the system's for a study of the real world, a set one where all is invented."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows import clock
from flows.clock import Clock
from schema.errors import PolicyRefused, StudyInvalid
from schema.study_file import load_study
from tests.support.command import NOWHERE, PORCH, place
from tests.support.passes import passes

START = datetime(2026, 2, 1, 12, tzinfo=UTC)


def test_a_running_clock_shows_the_same_to_all_who_read_the_variable(tmp_path: Path) -> None:
    made = place(tmp_path)
    made.write_study()
    study = load_study(made.folder / "study.toml")
    since = datetime.now(UTC) - timedelta(seconds=10)
    told = {clock.VARIABLE: str(Clock(START, 60, since))}
    shown = [clock.now(study, told), Clock(START, 60, since).now(), clock.now(study, told)]
    assert shown == sorted(shown)
    assert timedelta(minutes=10) <= shown[0] - START < timedelta(minutes=30)
    assert clock.speed(study, told) == 60


def test_a_set_clock_stands(tmp_path: Path) -> None:
    made = place(tmp_path)
    made.write_study()
    study = load_study(made.folder / "study.toml")
    told = {clock.VARIABLE: str(Clock(START))}
    assert clock.now(study, told) == clock.now(study, told) == START
    assert clock.speed(study, told) == clock.speed(study, {}) == 1


@pytest.mark.parametrize("text", ["noon", "2026-02-01 x60", "2026-02-01T12:00Z x60 since noon"])
def test_what_is_no_clock_is_told(tmp_path: Path, text: str) -> None:
    made = place(tmp_path)
    made.write_study()
    study = load_study(made.folder / "study.toml")
    with pytest.raises(StudyInvalid, match="CONFIDE_NOW is not an ISO instant"):
        clock.now(study, {clock.VARIABLE: text})


def test_a_study_of_the_real_world_has_no_fast_clock(tmp_path: Path) -> None:
    made = place(tmp_path)
    made.write_study()
    path = made.folder / "study.toml"
    real = "https://www.reddit.com"
    text = path.read_text("utf-8").replace("allow_loopback = true", "").replace(NOWHERE, real)
    path.write_text(text, "utf-8")
    told = {clock.VARIABLE: str(Clock(START, 60, START))}
    with pytest.raises(PolicyRefused, match="unset it"):
        clock.now(load_study(path), told)


def test_a_fast_clock_s_rate_windows_pass_as_fast(tmp_path: Path) -> None:
    study = passes(tmp_path, now=START, sources=PORCH)
    with study.workspace() as workspace, pytest.MonkeyPatch.context() as patch:
        patch.setenv(clock.VARIABLE, str(Clock(START, 60, START)))
        assert workspace.reddit_budget().window_seconds == 10
        assert workspace.bluesky_budget(NOWHERE).window_seconds == 5
