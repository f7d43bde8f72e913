"""Promise 2 for the stream: whatever lines do, a study's warehouse holds what one calm line left.

Real sockets, the real gate, a real study. Hosts break the line at random points, repeat what they
sent, change the order of different accounts' events, and count differently.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from flows.gate import land
from flows.workspace import KEY_VARIABLE, Workspace, open_workspace
from schema.pages import CollectionQuery
from tests.support.command import KEY, environment
from tests.support.jetstream_replay import (
    Mishaps,
    Payload,
    replaying_jetstream,
    told_otherwise,
)
from tests.support.jetstream_script import NOW, POSTS, PROFILES, account, at, commit, record
from warehouse import store

STUDY: Final = """[study]
name = "cuts"
since = 2026-02-01
[policy]
allow_loopback = true
[platforms.bluesky]
appview = "http://127.0.0.1:1"
[[source]]
name = "words"
kind = "bluesky_stream"
keywords = ["umbrella"]
"""
EVENTS_COUNT: Final = 300
WRITERS: Final = tuple(f"did:plc:{'abcdefghij'[n % 10] * 23}{n // 10 + 2}" for n in range(30))
SINCE: Final = at(0) - timedelta(seconds=5)
WANTED: Final = EventFilter(keywords=("umbrella",), dids=frozenset(WRITERS[:8]))
STAMP: Final = store.SaveStamp("run", "words", "words", "synthetic")


def happenings(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Invent what some people do: half a second apart, kept and not kept, said and unsaid."""
    standing: list[tuple[str, str]] = []
    closed: set[str] = set()
    for seq in range(1, EVENTS_COUNT + 1):
        did = dice.choice(WRITERS)
        what = dice.random()
        own = [rkey for one, rkey in standing if one == did]
        if what < 0.15:
            yield commit(seq, did=did, collection="app.bsky.feed.like", record={"createdAt": "x"})
        elif what < 0.25 and own:
            text = dice.choice(("an umbrella again", "second thoughts"))
            said = record(f"{text} {seq}")
            yield commit(seq, "update", did=did, rkey=dice.choice(own), record=said)
        elif what < 0.35 and own:
            rkey = dice.choice(own)
            standing.remove((did, rkey))
            yield commit(seq, "delete", did=did, rkey=rkey)
        elif what < 0.38:
            yield commit(seq, "delete", did=did, rkey="unheard")
        elif what < 0.42:
            is_back = did in closed
            closed ^= {did}
            status = {} if is_back else {"status": dice.choice(("deactivated", "suspended"))}
            yield account(seq, did=did, active=is_back, time=f"t{seq}", **status)
        elif what < 0.43 and did not in WRITERS[:8]:
            yield account(seq, did=did, active=False, time=f"t{seq}", status="deleted")
        elif what < 0.45:
            labels = {"values": [{"val": "!no-unauthenticated"}]} if seq % 2 else {}
            yield commit(seq, "update", did=did, collection=PROFILES, record={"labels": labels})
        else:
            standing.append((did, f"k{seq}"))
            text = f"{dice.choice(('an umbrella', 'a plain day'))} {seq}"
            yield commit(seq, did=did, collection=POSTS, record=record(text))


def history() -> list[Payload]:
    """Tell it all, twice as fast as the support module's clock."""
    told = []
    for event in happenings(random.Random(4)):
        moment = at(0) + timedelta(seconds=event["seq"] / 2)
        time = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        told.append({**event, "time": time, "witnessedAt": time})
    return told


HISTORY: Final = history()
OTHERWISE: Final = told_otherwise(HISTORY, seed=9, ahead=timedelta(seconds=2))


@pytest.fixture(autouse=True)
def place() -> Iterator[None]:
    with environment({KEY_VARIABLE: KEY.hex(), "CONFIDE_NOW": NOW.isoformat()}):
        yield


def study(folder: Path) -> Workspace:
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY)
    return open_workspace(folder)


def follow(workspace: Workspace, urls: Sequence[str], *, size: int, crash_after: int = 0) -> int:
    """Read the stream to its tip into a study, dying once behind a page; count the lines lost."""
    lost_count = 0
    with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
        position = store.read_position(warehouse, "words")
    query = CollectionQuery("words", "words", "network", SINCE, NOW, position=position)
    pages = fetch_event_pages(
        urls,
        query,
        wanted=WANTED,
        page_size=size,
        idle_seconds=0.3,
        backoff_seconds=(0.01,) * 5,
    )
    for number, page in enumerate(pages, start=1):
        land(workspace, page, parse_events(page), STAMP)
        lost_count += sum(n for what, n in page.notes.items() if what.startswith("line lost"))
        if number == crash_after:
            break
    else:
        return lost_count
    del pages  # what it holds in memory is gone
    return lost_count + follow(workspace, urls, size=size)


def table_hash(workspace: Workspace) -> str:
    with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
        return store.table_hash(warehouse)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Read it all over one line that nothing happens to."""
    with (
        environment({KEY_VARIABLE: KEY.hex(), "CONFIDE_NOW": NOW.isoformat()}),
        replaying_jetstream(HISTORY, Mishaps(0)) as url,
    ):
        workspace = study(tmp_path_factory.mktemp("calm") / "study")
        assert follow(workspace, [url], size=500) == 0
        with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
            tables = ("post_versions", "superseded_versions", "removals_audit")
            counts = [warehouse.scalar(f"select count(*) from landed.{t}") for t in tables]
        assert all(counts), counts
        return table_hash(workspace)


CUTS: Final = 5
SEEDS: Final = 20
WIRES: Final = ("one host", "two hosts", "one v1 host", "v2 and v1")


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=[pytest.mark.long] if seed > 1 else []) for seed in range(SEEDS)],
)
def test_a_line_that_breaks_anywhere_leaves_the_same_rows(
    seed: int, undisturbed: str, tmp_path: Path
) -> None:
    """Break five lines a seed: 10 in all here, 100 in `make long`."""
    dice = random.Random(seed)
    cuts = sorted(dice.sample(range(1, EVENTS_COUNT), CUTS))
    mishaps = Mishaps(seed, cuts, repeats_share=0.1, window=4)
    wires = WIRES[(seed + 1) % len(WIRES)]
    with ExitStack() as stack:
        urls = [stack.enter_context(replaying_jetstream(HISTORY, mishaps, is_v1="one v1" in wires))]
        if wires in ("two hosts", "v2 and v1"):
            is_v1 = wires == "v2 and v1"
            urls.append(stack.enter_context(replaying_jetstream(OTHERWISE, mishaps, is_v1=is_v1)))
        workspace = study(tmp_path / "study")
        crash_after = 0 if len(urls) > 1 else dice.randrange(1, 4)
        lost_count = follow(workspace, urls, size=dice.randrange(20, 90), crash_after=crash_after)
    assert mishaps.broken_count == CUTS
    assert lost_count > 0
    assert table_hash(workspace) == undisturbed
