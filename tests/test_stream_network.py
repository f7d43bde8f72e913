"""`confide stream` on Bluesky's own servers: lists, custom feeds, edits, deletions, as they are.

The servers keep real time, and so does the study.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from connectors.keys import read_key_file
from connectors.vault import open_vault
from flows.ending import Ending
from flows.workspace import open_workspace
from tests.support.bluesky_network import BlueskyNetwork
from tests.support.command import Place, place
from tests.support.streaming import (
    WORDS,
    follow_until,
    in_haste,
    private_file,
    write_stream_study,
)

pytestmark = pytest.mark.bluesky_network

WAIT_SECONDS = 90.0
STEP_SECONDS = 0.2


@pytest.fixture
def study(tmp_path: Path) -> Place:
    return place(tmp_path).without("CONFIDE_NOW")


def post(author: str, name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"op": "post", "author": author, "id": name, "text": text} | more


def held(study: Place) -> set[str]:
    """Return the native ids that the vault leads to."""
    workspace = open_workspace(study.folder)
    if not workspace.vault.exists():
        return set()
    key = read_key_file(study.key_file, study_dir=study.folder)
    with open_vault(workspace.vault, key.vault_keys()) as vault:
        return vault.every_native_id("bluesky")


def wait_for(condition: Callable[[], object]) -> None:
    deadline = monotonic() + WAIT_SECONDS
    while not condition():
        assert monotonic() < deadline, "it did not come about"
        threading.Event().wait(STEP_SECONDS)


def test_what_lists_feeds_and_words_ask_for_is_held_and_what_is_deleted_is_not(
    bluesky_network: BlueskyNetwork, study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = bluesky_network
    made = network.seed(
        {"op": "account", "author": "lisbet"},
        {"op": "list", "author": "keeper", "name": "watch", "members": ["lisbet"], "id": "list"},
        post("lisbet", "member", "a quiet evening at the river bank"),
        post("shown", "shown", "the tide was high when we came home"),
        post("shown", "unseen", "nobody asks for these words at all"),
        post("wordy", "worded", "I left my umbrella on the tram again"),
        post("wordy", "doomed", "an umbrella that nobody will ever see"),
        {"op": "feed", "author": "keeper", "name": "tides", "items": ["shown"], "id": "feed"},
    )
    names = dict(made.refs)

    def uris(*asked: str) -> set[str]:
        return {names[name]["uri"] for name in asked}

    def live(ending: Ending) -> None:
        wait_for(lambda: held(study) == uris("member", "shown", "worded", "doomed"))
        later = network.seed(
            {"op": "delete", "subject": "doomed"},
            {"op": "put", "author": "wordy", "subject": "worded",
             "record": {"$type": "app.bsky.feed.post", "text": "nothing of the sort is here now",
                        "createdAt": "2026-11-20T10:00:00.000Z"}},
            post("shown", "answer", "that happened to me last spring", reply_to="worded"),
        )  # fmt: skip
        names.update(later.refs)
        wait_for(lambda: held(study) == uris("member", "shown", "worded", "answer"))
        ending.stop.set()

    files = [
        private_file(study, "lists_file", names["list"]["uri"]),
        private_file(study, "feeds_file", names["feed"]["uri"]),
    ]
    options = "\n".join([WORDS, *files, 'feeds_every = "1s"'])
    write_stream_study(study, network.jetstream, appview=network.appview, options=options)
    with in_haste(monkeypatch, flush_seconds=0.5):
        done = follow_until(study, beside=live)["words"]
    assert done["updated_count"] == 1
    assert done["removed_count"] == 1
