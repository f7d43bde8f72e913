"""`confide check --drill`: a study made to be thrown away, with canaries, each let go for real.

Four drills (R30): a post its author deletes, an author who opts out, a crisis flag, a shredding.
Every step is the program's own; no platform and no Label Studio is asked. What remains is a line of
counts in the audit log of the study that ran it.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import dataframely as dy
import polars as pl

from annotation.safety_log import CrisisFlag, read_flags, record_flags
from flows.coding_round import draw_task
from flows.environment import STUDY_VARIABLE
from flows.forget import take_out
from flows.gate import land
from flows.guard import guarded
from flows.new_study import write_key
from flows.publish import renew
from flows.removing import remove
from flows.rules_audit import DRILL
from flows.shred import shred
from flows.workspace import (
    KEY_COMMAND_VARIABLE,
    KEY_VARIABLE,
    Workspace,
    key_file,
    open_workspace,
)
from schema.frames import empty
from schema.pages import ParsedPage, RawPage
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval
from transforms.pseudonymize import post_keys
from warehouse import store

NAME = "confide-drill"
STUDY = f"""[study]
name = "{NAME}"
since = 2020-01-01

[policy]
allow_loopback = true

[platforms.reddit]
url = "http://127.0.0.1:9"
oauth_url = "http://127.0.0.1:9"
"""
IDS = tuple(f"t3_canary{number}" for number in range(6))
DELETED, OPTED_OUT, FLAGGED = IDS[0], IDS[1:3], IDS[3]
LEAVING, STAYING = "canary-who-leaves", "canary-who-stays"
AGE = timedelta(days=30)  # old enough to be drawn


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill: in how many places its canaries stood, and in how many one was found after."""

    name: str
    planted_count: int
    found_count: int

    @property
    def is_passed(self) -> bool:
        """Tell whether canaries were planted, and none was found."""
        return self.planted_count > 0 and self.found_count == 0


@guarded
def drill(directory: Path) -> list[Drill]:
    """Run every drill beside a study and log the counts in its audit log, if it has one.

    Raises:
        CorpusError: a step of a drill failed; nothing is logged.
    """
    workspace = open_workspace(directory)
    with _thrown_away(workspace.now()) as place:
        done = _run(place)
    if workspace.warehouse.exists():
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.log_act(warehouse, DRILL, as_counts(done))
    return done


def as_counts(drills: list[Drill]) -> dict[str, int]:
    """Sum drills up for the audit log."""
    counts = {f"{one.name}_found_count": one.found_count for one in drills}
    return counts | {"failed_count": sum(not one.is_passed for one in drills)}


def as_text(drills: list[Drill]) -> str:
    """Say what came of each drill."""
    return "\n".join(
        f"{one.name}: {'passed' if one.is_passed else 'FAILED'}, {one.planted_count} planted, "
        f"{one.found_count} found afterwards"
        for one in drills
    )


def as_rows(drills: list[Drill]) -> list[dict[str, object]]:
    """Return the drills as plain data."""
    return [asdict(one) | {"is_passed": one.is_passed} for one in drills]


@contextmanager
def _thrown_away(now: datetime) -> Iterator[Workspace]:
    """Make a study with a key of its own, in folders that go afterwards."""
    ours = (KEY_VARIABLE, KEY_COMMAND_VARIABLE, STUDY_VARIABLE, "XDG_CONFIG_HOME", "CONFIDE_NOW")
    before = {name: os.environ.pop(name, None) for name in ours}
    try:
        with TemporaryDirectory(prefix="confide-drill-") as folder:
            study = Path(folder).resolve() / "study"
            study.mkdir(mode=0o700)
            (study / "study.toml").write_text(STUDY, "utf-8")
            os.environ |= {
                STUDY_VARIABLE: str(study),
                "XDG_CONFIG_HOME": str(study.with_name("keys")),
                "CONFIDE_NOW": now.isoformat(),
            }
            write_key(key_file(NAME), secrets.token_bytes(32))
            yield open_workspace(study)
    finally:
        for name, text in before.items():
            os.environ.pop(name, None)
            if text is not None:
                os.environ[name] = text


def _run(place: Workspace) -> list[Drill]:
    """Plant, let go, bring everything once more, and look; the shredding comes last."""
    _bring(place)
    draw_task.fn("W1", "R1", len(IDS), 0)
    store.publish(place.warehouse, place.published, now=place.now())
    planted = {name: _places(place, ids) for name, ids in _CANARIES.items()}
    _flag(place)
    remove(place, "reddit", _deletion(place.now()))
    take_out(place, [f"u/{LEAVING}"])
    _bring(place)  # a rerun must not bring them back
    store.compact(place.warehouse, now=place.now())
    renew(place)
    found = {name: _places(place, ids) for name, ids in _CANARIES.items()}
    drills = [Drill(name, planted[name], found[name]) for name in _CANARIES]
    drills.append(_crisis(place))
    shredded = shred(place.directory, NAME)
    left = (
        shredded.found_count
        + shredded.traces_count
        + place.vault.exists()
        + key_file(NAME).exists()
    )
    return [*drills, Drill("shred", shredded.led_count, left)]


_CANARIES = {"deletion": (DELETED,), "opt_out": OPTED_OUT}


def _places(place: Workspace, native_ids: tuple[str, ...]) -> int:
    """Count where posts are found: rows, the vault's entries, files that hold their words."""
    keys = post_keys("reddit", list(native_ids), key=place.key.pseudonym_key("reddit"))
    with store.open_warehouse(place.warehouse, now=place.now()) as warehouse:
        found = store.count_held(warehouse, keys)
        found += len(store.unit_keys(warehouse, "W1", "R1", "root") & set(keys))
    files = (place.warehouse, place.published)
    words = [_words(native_id).encode() for native_id in native_ids]
    return found + sum(word in path.read_bytes() for path in files for word in words)


def _bring(place: Workspace) -> None:
    """Land the canaries as a source would: they pass the gate."""
    now = place.now()
    page = RawPage("reddit", "drill", "drill", "QuietPorch", now)
    stamp = store.SaveStamp(run_id="drill", source="drill", stream="drill", route="synthetic")
    land(place, page, ParsedPage(_posts(now), empty(CollectedRemoval)), stamp)


def _words(native_id: str) -> str:
    return f"The kettle of {native_id.removeprefix('t3_')} boiled over and no one heard it sing."


def _posts(now: datetime) -> dy.DataFrame[CollectedPost]:
    rows = [
        {
            "platform": "reddit",
            "native_id": native_id,
            "kind": "submission",
            "root_native_id": native_id,
            "author": LEAVING if native_id in OPTED_OUT else f"{STAYING}-{native_id[-1]}",
            "author_names": [],
            "mentions": [],
            "venue": "QuietPorch",
            "title": "A kettle",
            "text": _words(native_id),
            "links": [],
            "declared_languages": [],
            "hashtags_count": 0,
            "created_at": now - AGE,
            "is_created_at_plausible": True,
            "observed_at": now,
            "is_edited": False,
            "is_nsfw": False,
            "is_visible_logged_out": True,
        }
        for native_id in IDS
    ]
    names = CollectedPost.column_names()
    filled = [{name: row.get(name) for name in names} for row in rows]
    frame = pl.DataFrame(filled, schema=CollectedPost.create_empty().schema)
    return CollectedPost.validate(frame, cast=True)


def _deletion(now: datetime) -> dy.DataFrame[CollectedRemoval]:
    row = pl.DataFrame(
        {"platform": ["reddit"], "native_id": [DELETED], "reason": ["deleted_by_author"]}
    ).with_columns(author=pl.lit(None, pl.String), observed_at=pl.lit(now))
    return CollectedRemoval.validate(row.select(CollectedRemoval.column_names()), cast=True)


def _flagged_key(place: Workspace) -> int:
    return post_keys("reddit", [FLAGGED], key=place.key.pseudonym_key("reddit"))[0]


def _flag(place: Workspace) -> None:
    """Raise the crisis flag on a unit, as a coder would through a pull."""
    key = _flagged_key(place)
    record_flags(place.safety_log, [CrisisFlag(place.now(), f"{key:016x}", "R1", "c1")])
    with store.open_warehouse(place.warehouse, now=place.now()) as warehouse:
        store.withhold_units(warehouse, {key}, at=place.now())


def _crisis(place: Workspace) -> Drill:
    """Look whether the flagged unit is offered or drawn again, and the flag is in the warehouse."""
    key = _flagged_key(place)
    with store.open_warehouse(place.warehouse, now=place.now()) as warehouse:
        offered = [
            t for t in store.coding_tasks(warehouse, "W1", "R1", "root") if t.unit_key == key
        ]
        frame = store.sampling_frame(warehouse, "root", now=place.now(), minimum_age_days=14)
        found = len(offered) + int((frame["unit_key"] == key).sum())
        found += store.count_offending(warehouse, "safety_code_absent")
    return Drill("crisis", len(read_flags(place.safety_log)), found)
