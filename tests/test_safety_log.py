import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotation.safety_log import (
    CrisisFlag,
    expire_flags,
    monthly_totals,
    read_flags,
    record_flags,
)
from schema.errors import BadInput

AT = datetime(2026, 3, 30, 12, tzinfo=UTC)


def flag(number: int, *, at: datetime = AT, coder: str = "c1", round_: str = "R1") -> CrisisFlag:
    return CrisisFlag(at, f"{number:016x}", round_, coder)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "study" / "safety.jsonl"


def test_a_flag_is_one_private_line_without_text(log: Path) -> None:
    assert record_flags(log, [flag(1)]) == 1
    assert log.stat().st_mode & 0o777 == 0o600
    assert json.loads(log.read_text()) == {
        "at": "2026-03-30T12:00:00+00:00",
        "post_uid": "0000000000000001",
        "round": "R1",
        "coder": "c1",
    }


def test_a_flag_pulled_again_is_not_recorded_again(log: Path) -> None:
    later = AT + timedelta(hours=1)
    assert record_flags(log, [flag(1), flag(1, at=later), flag(1, coder="c2")]) == 2
    assert record_flags(log, [flag(1, at=later), flag(2), flag(1, round_="R2")]) == 2
    assert [one.at for one in read_flags(log)] == [AT] * 4


def test_flags_go_after_ninety_days(log: Path) -> None:
    record_flags(log, [flag(1, at=AT - timedelta(days=91)), flag(2)])
    assert expire_flags(log, now=AT) == 1
    assert read_flags(log) == [flag(2)]
    assert expire_flags(log, now=AT) == 0


def test_only_monthly_numbers_of_units_are_told(log: Path) -> None:
    record_flags(log, [flag(1), flag(1, coder="c2"), flag(2, at=AT - timedelta(days=40))])
    assert monthly_totals(log) == {"2026-02": 1, "2026-03": 1}


def test_without_a_log_there_are_no_flags(log: Path) -> None:
    assert read_flags(log) == []
    assert expire_flags(log, now=AT) == 0
    assert not log.exists()


def test_a_log_that_others_can_read_is_refused(log: Path) -> None:
    record_flags(log, [flag(1)])
    log.chmod(0o644)
    with pytest.raises(BadInput, match="chmod 600"):
        record_flags(log, [flag(2)])


@pytest.mark.parametrize("line", ["no JSON", "[]", '{"at": "2026-03-30"}'])
def test_a_damaged_log_is_refused_without_its_content(log: Path, line: str) -> None:
    record_flags(log, [flag(1)])
    with log.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(BadInput, match="restore") as refusal:
        read_flags(log)
    assert line not in str(refusal.value)
