"""How much is put before a coder, and when the next: a pure rule, by the task server's clock."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.batches import Pace, Released, Waiting, next_batch, why_not_yet
from annotation.content_notes import content_note, topics
from tests.support.coding_tasks import coding_task, turn

NOON = datetime(2026, 3, 30, 12, tzinfo=UTC)
PACE = Pace(batch=25, intense_share=0.3, daily_batches=6, time_zone="Europe/Berlin")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def reason(
    *begun: datetime, now: datetime, open_count: int = 0, answers: tuple[datetime, ...] = ()
) -> str | None:
    released = [Released(number, at, is_intense=False) for number, at in enumerate(begun)]
    return why_not_yet(released, open_count=open_count, answers=answers, pace=PACE, now=now)


def test_the_first_batch_comes_at_once_and_the_next_after_a_break() -> None:
    assert reason(now=NOON) is None
    assert reason(NOON, now=NOON + minutes(30), open_count=1) == "open"
    answered = (NOON + minutes(30),)
    assert reason(NOON, now=NOON + minutes(39), answers=answered) == "break"
    assert reason(NOON, now=NOON + minutes(40), answers=answered) is None


def test_a_batch_that_was_skipped_whole_has_its_break_too() -> None:
    assert reason(NOON, now=NOON + minutes(9)) == "break"


def test_a_day_ends_with_its_last_batch_and_begins_at_the_studys_midnight() -> None:
    begun = tuple(NOON + minutes(100 * n) for n in range(6))  # the last at 20:20 UTC
    assert reason(*begun, now=NOON + minutes(9 * 60)) == "day"
    midnight = datetime(2026, 3, 30, 22, tzinfo=UTC)  # of Berlin, in summer time
    assert reason(*begun, now=midnight - minutes(1)) == "day"
    assert reason(*begun, now=midnight) is None


def test_after_ninety_minutes_at_work_a_break_is_a_rest() -> None:
    work = tuple(NOON + minutes(20 * n) for n in range(6))
    after = work[-1] + minutes(12)
    assert reason(NOON, now=after, answers=work) == "rest"
    assert reason(NOON, now=work[-1] + minutes(30), answers=work) is None
    assert reason(NOON, now=after, answers=(NOON, *work[-2:])) is None  # there was a rest between


waiting = st.lists(st.tuples(st.sampled_from(("root", "reply")), st.booleans()), max_size=80).map(
    lambda rows: [Waiting(kind, n, hot) for n, (kind, hot) in enumerate(rows)]
)


@given(waiting, st.integers(0, 60))
def test_a_batch_is_of_one_kind_and_keeps_the_caps(units: list[Waiting], had: int) -> None:
    released = [Released(n // 25, NOON, is_intense=True) for n in range(had)]
    chosen = next_batch(units, released, pace=PACE, now=NOON + minutes(60))
    intense = sum(one.is_intense for one in chosen)
    assert len(chosen) <= 25
    assert len({one.unit_kind for one in chosen}) <= 1
    assert intense <= 7
    assert intense + had <= max(42, had)
    assert chosen == [one for one in units if one in chosen]
    if any(not one.is_intense for one in units):
        assert chosen


def test_a_note_names_the_topics_of_all_that_is_shown() -> None:
    task = coding_task(1, title="Rent", text="He hit me.", thread=(turn("I\u2019m so lonely"),))
    note = content_note(task)
    assert note.topics == ("violence", "money", "loneliness")
    assert note.is_intense
    assert note.sentence == (
        "Topics: violence, money, loneliness. Intensity: high. Skip it freely."
    )
    mild = content_note(coding_task(2, text="My parents' terrier dug up a bulb."))
    assert (mild.topics, mild.is_intense) == ((), False)
    assert set(note.topics) <= set(topics())


@pytest.mark.parametrize("kind", ["timeline", "community"])
def test_a_card_has_no_topic(kind: str) -> None:
    assert content_note(coding_task(1, unit_kind=kind, text="alone")).topics == ()


@given(st.floats(20, 400), st.integers(0, 6))
@settings(max_examples=25, deadline=None)
def test_nobody_is_served_more_than_four_hours_a_day_and_twelve_a_week(
    seconds: float, weekday: int
) -> None:
    pace = Pace(25, 0.3, 100, "Europe/Berlin", seconds)
    now = datetime(2026, 3, 23, 5, tzinfo=UTC) + timedelta(days=weekday)
    end = now + timedelta(days=8)
    units = [Waiting("root", n, is_intense=False) for n in range(25)]
    released: list[Released] = []
    answers: list[datetime] = []
    told: set[str | None] = set()
    batch = 0
    while now < end:
        why = why_not_yet(released, open_count=0, answers=answers, pace=pace, now=now)
        told.add(why)
        if why is not None:
            now += minutes(10 if why in ("break", "rest") else 120)
            continue
        batch += 1
        chosen = next_batch(units, released, answers=answers, pace=pace, now=now)
        assert chosen
        for _ in chosen:
            released.append(Released(batch, now, is_intense=False))
        for _ in chosen:
            now += timedelta(seconds=seconds)
            answers.append(now)
    zone = ZoneInfo("Europe/Berlin")
    days: Counter[date] = Counter()
    weeks: Counter[date] = Counter()
    for at in answers:
        day = at.astimezone(zone).date()
        days[day] += 1
        weeks[day - timedelta(days=day.weekday())] += 1
    assert max(days.values()) * seconds <= 4 * 3600 + seconds  # one may begin before midnight
    assert max(weeks.values()) * seconds <= 12 * 3600 + seconds
    assert {"day", "week"} <= told


def test_the_last_batch_of_a_day_is_as_small_as_the_hours_that_are_left() -> None:
    units = [Waiting("root", n, is_intense=False) for n in range(40)]
    released = [Released(1, NOON, is_intense=False)]
    work = [NOON + minutes(10 * n) for n in range(1, 23)]  # 220 minutes
    after = work[-1] + minutes(40)
    pace = replace(PACE, unit_seconds=120.0)
    assert why_not_yet(released, open_count=0, answers=work, pace=pace, now=after) is None
    assert len(next_batch(units, released, answers=work, pace=pace, now=after)) == 10
    work += [after + minutes(2 * n) for n in range(11)]
    later = work[-1] + minutes(40)
    assert why_not_yet(released, open_count=0, answers=work, pace=pace, now=later) == "day"
