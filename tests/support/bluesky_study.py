"""A study that follows accounts of the real Bluesky network, by their feeds and by the stream.

The servers keep real time; the study's clock is set, so that a test moves days in no time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import labels, stream_reader
from tests.support.bluesky_network import BlueskyNetwork
from tests.support.command import place
from tests.support.passes import Passes

STUDY = """[study]
name = "{name}"
since = 2026-01-01

[policy]
allow_loopback = true

[platforms.bluesky]
appview = "{appview}"
pds = "{pds}"
plc = "{plc}"
jetstream = ["{jetstream}"]
labelers = [{labelers}]

[[source]]
name = "accounts"
kind = "bluesky_author"
authors_file = "{authors}"

[[source]]
name = "words"
kind = "bluesky_stream"
authors_file = "{authors}"
"""


@pytest.fixture
def hasty_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pass over a stream of this machine end as soon as it is quiet."""
    for module in (labels, stream_reader):
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.3)


def bluesky_study(folder: Path, network: BlueskyNetwork, dids: Sequence[str]) -> Passes:
    """Write a study below `folder` that follows these accounts; its clock is the machine's."""
    made = place(folder)
    made.folder.mkdir(exist_ok=True)
    authors = folder / "authors"
    authors.touch(mode=0o600)
    authors.write_text("\n".join(dids) + "\n", "utf-8")
    labeler = network.addresses["ozone"].replace("http", "ws", 1)
    text = STUDY.format(
        name=made.folder.name,
        authors=authors,
        jetstream=network.jetstream,
        labelers=f'"{labeler}"',
        **{name: network.addresses[name] for name in ("appview", "pds", "plc")},
    )
    (made.folder / "study.toml").write_text(text, "utf-8")
    return Passes(made, datetime.now(UTC))
