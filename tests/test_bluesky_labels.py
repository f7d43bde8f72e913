"""Takedown labels over real sockets, and from Bluesky's own labeler into the warehouse."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.bluesky_labels import fetch_label_pages, parse_labels
from schema.errors import SourceRefused, SourceUnavailable
from schema.pages import RawPage
from tests.support.appview_script import NOW as SKY_NOW
from tests.support.appview_script import WRITER as APPVIEW_WRITER
from tests.support.bluesky_network import BlueskyNetwork
from tests.support.jetstream_script import NOW, WRITER, query, uri
from tests.support.label_script import CUT, LABELER, error, info, labels, scripted_labeler
from tests.support.sky import Sky, did, under
from tests.test_bluesky_gone import act, checked, follow, held, post, reasons, shown

pytestmark = pytest.mark.usefixtures("hasty_streams")

HASTE = (0.01, 0.01)
DAY = timedelta(days=1)
READER = did("reader")
OTHER_LABELER = "did:plc:0ther1abe1er0ther1abe1er"


def passes(url: str, position: str | None = None, **more: Any) -> Iterator[RawPage]:
    options: dict[str, Any] = {"idle_seconds": 0.05, "backoff_seconds": HASTE}
    return fetch_label_pages(url, query(position), **options | more)


def told(pages: list[RawPage]) -> list[tuple[str, bool]]:
    """Return the record keys of labelled posts, and whether their label was taken back."""
    found = [one for page in pages for one in parse_labels(page)[0]]
    return [(one.native_id.rpartition("/")[2], one.is_withdrawn) for one in found]


def test_takedowns_alone_pass_and_the_position_goes_on_behind_them() -> None:
    script = [
        labels(3, {"uri": uri("k1")}, {"uri": uri("k2"), "val": "!hide"}),
        labels(5, {"uri": uri("k3"), "neg": True}, {"uri": "at://no.did/x/y"}, {"uri": 7}),
        labels(9, {"uri": uri("k4"), "val": "spam"}),
    ]
    with scripted_labeler(script, []) as host:
        pages = list(passes(host.url))
        assert told(pages) == [("k1", False), ("k3", True)]
        assert json.loads(pages[-1].position or "") == {"seq": 9}
        assert list(passes(host.url, pages[-1].position)) == []
    assert host.cursors == [0, 9]


def test_a_lost_connection_goes_on_where_it_broke_off_and_drops_what_comes_twice() -> None:
    first = [labels(1, {"uri": uri("k1")}), labels(2, {"uri": uri("k2")}), CUT]
    again = [labels(2, {"uri": uri("k2")}), labels(4, {"uri": uri("k4")})]
    with scripted_labeler(first, again) as host:
        pages = list(passes(host.url))
    assert told(pages) == [("k1", False), ("k2", False), ("k4", False)]
    assert host.cursors == [0, 2]


def test_a_labeler_that_began_anew_is_read_from_its_beginning() -> None:
    position = json.dumps({"seq": 900})
    with scripted_labeler([error("FutureCursor")], [labels(1, {"uri": uri("k1")})]) as host:
        pages = list(passes(host.url, position))
    assert told(pages) == [("k1", False)]
    assert host.cursors == [900, 0]


def test_what_the_labeler_forgot_is_a_gap() -> None:
    with scripted_labeler([info("OutdatedCursor"), labels(8, {"uri": uri("k1")})]) as host:
        pages = list(passes(host.url, json.dumps({"seq": 2})))
    assert [row.reason for page in pages for row in page.covered] == ["OutdatedCursor"]
    assert told(pages) == [("k1", False)]


@pytest.mark.parametrize("frame", [b"", b"\xff\x00", b"{}", error("ConsumerTooSlow")])
def test_a_frame_that_is_none_stops_nothing(frame: bytes) -> None:
    with scripted_labeler([frame, labels(1, {"uri": uri("k1")})], [labels(1, {"uri": uri("k1")})],
                          [labels(1, {"uri": uri("k1")})]) as host:  # fmt: skip
        assert told(list(passes(host.url))) == [("k1", False)]


def test_a_labeler_that_stays_away_is_told_after_what_it_said() -> None:
    with scripted_labeler([labels(1, {"uri": uri("k1")}), CUT], [CUT], [CUT], [CUT]) as host:
        pages = passes(host.url)
        assert told([next(pages)]) == [("k1", False)]
        with pytest.raises(SourceUnavailable, match="a labeler failed 3 times running"):
            next(pages)
    with pytest.raises(SourceRefused, match=r"platforms\.bluesky\.labelers"):
        list(passes("ftp://labels.invented.example"))


def test_a_stream_without_end_stops_when_it_is_told_to() -> None:
    stop = threading.Event()
    with scripted_labeler([labels(1, {"uri": uri("k1")})]) as host:
        threading.Timer(0.2, stop.set).start()
        pages = list(passes(host.url, idle_seconds=None, stop=stop))
    assert told(pages) == [("k1", False)]


def test_the_last_word_of_each_labeler_counts_and_a_label_that_ran_out_is_none() -> None:
    over, ahead = "2026-02-28T00:00:00Z", "2026-03-28T00:00:00Z"
    items = [
        {"uri": uri("k1"), "src": LABELER},
        {"uri": uri("k1"), "src": OTHER_LABELER},
        {"uri": uri("k1"), "src": LABELER, "neg": True},
        {"uri": uri("k2"), "src": LABELER, "exp": over},
        {"uri": uri("k3"), "src": LABELER, "exp": ahead},
        {"uri": WRITER, "src": LABELER, "exp": ahead},
    ]
    page = RawPage("bluesky", "sky", "sky", "network", NOW, tuple(items))
    posts, parsed = parse_labels(page)
    assert [(p.native_id, p.labeler, p.is_withdrawn) for p in posts] == [
        (uri("k1"), LABELER, True),
        (uri("k1"), OTHER_LABELER, False),
        (uri("k2"), LABELER, True),
        (uri("k3"), LABELER, False),
    ]
    [row] = parsed.accounts.rows(named=True)
    assert (row["author"], row["status"], row["labeler"]) == (WRITER, "takendown", LABELER)
    assert row["until"] == datetime(2026, 3, 28, tzinfo=UTC)


def test_a_takedown_that_ends_lets_the_account_be_seen_and_the_post_come_back(
    tmp_path: Path,
) -> None:
    ends_at = SKY_NOW + timedelta(hours=2)
    ends = {"exp": ends_at.isoformat().replace("+00:00", "Z")}
    sky = Sky()
    mine = sky.write("mine", at=SKY_NOW - timedelta(hours=3))
    sky.write("theirs", by=READER, at=SKY_NOW - timedelta(hours=2))
    script = [labels(1, {"uri": mine} | ends, {"uri": READER} | ends)]
    with (
        scripted_labeler(script, []) as labeler,
        under(tmp_path, sky, panel=(APPVIEW_WRITER, READER)) as at,
    ):
        toml = at.study.place.folder / "study.toml"
        named = toml.read_text("utf-8").replace("labelers = []", f'labelers = ["{labeler.url}"]')
        toml.write_text(named, "utf-8")
        at.study.collect("panel")
        shown_keys = "select post_key from post order by 1"
        assert at.study.sql(shown_keys).height == 2
        tally = at.study.refresh("bluesky")
        assert (tally["removed_count"], tally["hidden_count"]) == (1, 1)
        for hours, is_over in ((1, False), (2, True)):
            at.study.now = SKY_NOW + timedelta(hours=hours)
            at.study.refresh("bluesky")
            assert at.study.collect("panel")["suppressed_count"] == (0 if is_over else 1)
            found = set(at.study.sql(shown_keys)["post_key"].to_list())
            assert found == (at.keys("mine", "theirs") if is_over else set())


@pytest.mark.bluesky_network
def test_takedown_labels_of_the_real_labeler_are_obeyed_until_they_are_taken_back(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(
        post("lailani", "plain"), post("lailani", "labelled"), post("lailani", "doubtful"),
        post("lorenzia", "of a labelled account"),
    )  # fmt: skip
    study = follow(tmp_path, bluesky_network, made, "lailani", "lorenzia")
    study.collect("accounts")
    bluesky_network.seed(
        act("takedown", subject="lailani-labelled", at=["ozone"]),
        act("label", subject="lailani-doubtful", val="!hide"),
        act("label", account="lorenzia", val="!takedown"),
    )
    tally = study.refresh("bluesky")  # nothing is due yet: the labels alone tell
    assert (tally["removed_count"], tally["hidden_count"]) == (1, 1)
    assert (shown(study), held(study)) == (["doubtful", "plain"], 3)
    assert reasons(study) == {"taken_down": 1}
    checked(study)
    assert study.refresh("bluesky")["gone_count"] == 0  # read once
    study.now += timedelta(minutes=1)
    assert study.collect("accounts")["new_count"] == 0
    bluesky_network.seed(
        act("takedown", subject="lailani-labelled", at=["ozone"], applied=False),
        act("label", account="lorenzia", val="!takedown", neg=True),
    )
    assert study.refresh("bluesky")["returned_count"] == 1
    assert study.collect("accounts")["new_count"] == 1  # nothing keeps it out any more
    assert shown(study) == ["doubtful", "labelled", "of a labelled account", "plain"]
    checked(study)
