"""A study that follows a stream, and runs of it that end in time.

    python -m tests.support.streaming '{"until": 99}' stream --study DIR

is `confide` as a process of its own, which tells itself to stop (SIGTERM, or the signal number
`tell`) once event 99 is stored, or kills itself (SIGKILL) `seconds` after the page number `kill_at`
was. Pages are small here.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import pytest

from connectors import jetstream, jetstream_page
from flows import patience, progress
from flows.cli import app
from flows.ending import Ending
from flows.environment import STUDY_VARIABLE
from flows.stream import choose_streams, follow
from flows.workspace import open_workspace
from schema.errors import UnexpectedFailure
from tests.support.appview_script import Ask
from tests.support.command import Outcome, Place, environment, outcome

WORDS: Final = 'keywords = ["umbrella"]'
SOURCE: Final = '[[source]]\nname = "words"\nkind = "bluesky_stream"\n{options}\n'
PAGE: Final = 7
OVERDUE_SECONDS: Final = 200.0  # what has not ended by then never will
PATIENT_SECONDS: Final = 1.0  # longer than a page's storing takes, so that pages are full


def write_stream_study(
    study: Place,
    *hosts: str,
    appview: str,
    options: str = WORDS,
    labelers: Sequence[str] = (),
) -> None:
    """Write a study whose only source is a stream called `words`."""
    sources = SOURCE.format(options=options)
    study.write_study(bluesky=appview, jetstream=hosts, labelers=labelers, sources=sources)


def private_file(study: Place, name: str, *lines: str) -> str:
    """Write a file that only its owner may read, outside the study; return the key's TOML."""
    path = study.config / name
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return f'{name} = "{path}"'


def answering_profiles(ask: Ask) -> Any:
    """Answer as an AppView that knows every account and nothing else."""
    if ask.method == "getProfiles":
        return {"profiles": [{"did": did, "labels": []} for did in ask.params["actors"]]}
    return {"feed": [], "items": []}


@contextmanager
def in_haste(patch: pytest.MonkeyPatch, *, flush_seconds: float = 0.05) -> Iterator[None]:
    """Let pages be small and waits short."""
    with patch.context() as here:
        hurry(here.setattr, flush_seconds=flush_seconds)
        here.setattr(patience, "FIRST_SECONDS", 0.01)
        yield


def hurry(set_attribute: Callable[[object, str, object], None], *, flush_seconds: float) -> None:
    """Hand a page over at seven posts, or soon where the stream is quiet."""
    small = partial(jetstream.fetch_event_pages, page_size=PAGE, backoff_seconds=(0.05,) * 3)
    set_attribute(jetstream, "fetch_event_pages", small)
    set_attribute(jetstream_page, "FLUSH_SECONDS", flush_seconds)


def follow_until(
    study: Place, seq: int | None = None, *, beside: Callable[[Ending], None] | None = None
) -> dict[str, dict[str, int]]:
    """Follow the study's stream until an event is stored, or until `beside` ends it.

    `beside` runs in a thread of its own.
    """
    ending = Ending()

    def stop_at(_stream: str, place: int) -> None:
        if seq is not None and place >= seq:
            ending.stop.set()

    with ExitStack() as stack:
        variables = {**study.variables(), STUDY_VARIABLE: str(study.folder)}
        stack.enter_context(environment(variables))
        stack.enter_context(progress.listening(stop_at))
        workspace = open_workspace(study.folder)
        if beside is not None:
            thread = threading.Thread(target=_to_its_end, args=(beside, ending))
            thread.start()
            stack.callback(thread.join)
        overdue = threading.Timer(OVERDUE_SECONDS, ending.fail, (UnexpectedFailure("no end came"),))
        overdue.start()
        stack.callback(overdue.cancel)
        return follow(workspace, choose_streams(workspace, None), ending)


def _to_its_end(work: Callable[[Ending], None], ending: Ending) -> None:
    try:
        work(ending)
    finally:
        ending.stop.set()


def start_stream(study: Place, **plan: Any) -> subprocess.Popen[str]:
    """Start `confide stream` as a process of its own, with a plan how it ends."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, json.dumps(plan), "stream", "--study", study.folder],
        env={**os.environ, **study.variables()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stream(study: Place, **plan: Any) -> Outcome:
    """Run `confide stream` to the end that is planned."""
    return outcome(start_stream(study, **plan))


def main(plan: Mapping[str, Any]) -> None:
    """Run the command line and end it by this process's own hand."""
    pages = 0
    is_told = False

    def watch(_stream: str, seq: int) -> None:
        nonlocal pages, is_told
        pages += 1
        if "until" in plan and seq >= plan["until"] and not is_told:  # a second one is not heeded
            is_told = True
            os.kill(os.getpid(), plan.get("tell", signal.SIGTERM))
        if pages == plan.get("kill_at"):
            threading.Timer(plan["seconds"], os.kill, (os.getpid(), signal.SIGKILL)).start()

    hurry(setattr, flush_seconds=PATIENT_SECONDS)
    with progress.listening(watch):
        app()


if __name__ == "__main__":
    main(json.loads(sys.argv.pop(1)))
