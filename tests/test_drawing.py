"""A round is drawn once: all five kinds, with chances that the stored frame and plan repeat."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotation import inclusion, replies, sampling
from flows.drawing import KINDS, Round
from flows.workspace import Workspace, open_workspace
from schema.coding import FrameUnit
from tests.support.warehouse_rows import NOW, opened, post, save
from warehouse import store

STUDY = """[study]
name = "drawn"
since = 2026-01-01

[policy]
allow_loopback = true

[sampling]
strata = ["platform", "community_kind", "four_weeks", "volume"]
minimum_probability = 0.05
community_minimum = 2
"""
WANTED = {"root": 20, "reply": 60, "timeline": 2, "community": 3}


def author(number: int) -> str:
    return f"{number:08x}" * 4


def rows() -> list[dict[str, Any]]:
    """Return sixty roots, some of authors who tell of struggles often, and four replies to each."""
    texts = ("I cried again and told nobody, post {n}.", "A bulb came up in the yard, post {n}.")
    roots = [
        post(n, author_pseudonym=author(n % 9 + 1), text=texts[n % 9 > 2].format(n=n) + " " * 9)
        for n in range(1, 61)
    ]
    replies = [
        post(n * 100 + m, parent_key=n, author_pseudonym=author(50 + m), text=f"I hear you, {n}{m}")
        for n in range(1, 61)
        for m in range(4)
    ]
    return [*roots, *replies]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("CONFIDE_NOW", NOW.isoformat())
    (tmp_path / "study.toml").write_text(STUDY)
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        save(warehouse, *rows())
    return open_workspace(tmp_path)


def test_all_five_kinds_are_drawn_once_and_the_draw_can_be_repeated(workspace: Workspace) -> None:
    drawn = Round(workspace, "W1", "R1", WANTED).draw()
    assert list(drawn) == ["timelines", "roots", "replies", "threads", "community_weeks"]
    assert all(drawn.values())
    assert Round(workspace, "W1", "R1", {**WANTED, "root": 3}).draw() == drawn
    with opened(workspace.warehouse) as warehouse:
        units = {kind: store.read_units(warehouse, "W1", "R1", kind) for kind in KINDS}
        frames = {kind: store.read_frame(warehouse, "W1", "R1", kind) for kind in KINDS}
        plans = dict(warehouse.execute("select unit_kind, plan from landed.draws"))
        hashes = dict(warehouse.execute("select unit_kind, frame_hash from landed.draws"))
    for kind in KINDS:
        assert store.hash_rows(frames[kind]) == hashes[kind]
        plan = plan_of(plans[kind])
        again = repeat(kind, plan, frames, units, plans)
        drop = ["drawn_at"]
        assert again.drop(drop).equals(units[kind].drop(drop)), kind
    roots = units["root"]
    assert roots["inclusion_probability"].min() >= 0.05  # type: ignore[operator]
    timelines = frames["timeline"].filter(
        pl.col("unit_key").is_in(units["timeline"]["unit_key"].implode())
    )
    theirs = frames["root"].filter(
        pl.col("author_pseudonym").is_in(timelines["author_pseudonym"].implode())
    )
    assert set(theirs["unit_key"]) <= set(roots["unit_key"])  # all root posts of a timeline
    shown = units["reply"].join(frames["reply"], on="unit_key").group_by("thread_key").len()
    assert shown["len"].min() >= 3  # type: ignore[operator]
    assert set(units["thread"]["unit_key"]) <= set(shown["thread_key"])
    threads = units["thread"].join(roots, on="unit_key", suffix="_root")
    assert threads.height == units["thread"].height
    assert (threads["inclusion_probability"] == threads["inclusion_probability_root"]).all()


def plan_of(stated: str) -> inclusion.SamplingPlan:
    """Read a plan as it was stored."""
    given = json.loads(stated)
    lists = {name: tuple(given[name]) for name in ("strata", "lists")}
    return inclusion.SamplingPlan(**{**given, **lists})


def repeat(
    kind: str,
    plan: inclusion.SamplingPlan,
    frames: dict[Any, Any],
    units: dict[Any, Any],
    plans: dict[str, str],
) -> pl.DataFrame:
    """Draw again from what is stored alone."""
    frame = FrameUnit.validate(frames[kind])
    if kind == "reply":
        root = plan_of(plans["root"])
        chances = sampling.joint_chances(frames["root"], root, timelines(root, frames, units))
        stated = replies.reply_chances(frame, chances, plan)
        return replies.draw_replies(stated, units["root"], plan, now=NOW)
    if kind == "thread":
        return replies.draw_threads(frame, units["root"], plan, now=NOW)
    if kind == "root":
        lines = timelines(plan, frames, units)
        return sampling.draw_with_timelines(frame, plan, lines, now=NOW)
    return sampling.draw(frame, plan, now=NOW)


def timelines(
    root: inclusion.SamplingPlan, frames: dict[Any, Any], units: dict[Any, Any]
) -> pl.DataFrame:
    """Give each author of the timelines' frame its chance, and whether it was drawn."""
    line = units["timeline"]["unit_key"].implode()
    return inclusion.inclusion_probabilities(
        FrameUnit.validate(frames["timeline"]), timeline_plan(root)
    ).select(
        "author_pseudonym",
        pl.col("inclusion_probability").alias("timeline_chance"),
        pl.col("unit_key").is_in(line).alias("is_drawn"),
    )


def timeline_plan(root: inclusion.SamplingPlan) -> inclusion.SamplingPlan:
    return replace(
        root,
        n=WANTED["timeline"],
        unit_kind="timeline",
        cap="unit_key",
        per_author=1_000_000_000,
        random_share=1.0,
        lists=(),
    )
