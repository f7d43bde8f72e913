"""Stream: follow the study's Bluesky streams until told to stop, for weeks.

A flow without tasks: a page is no task run, so Prefect's database does not grow with the stream.
Where no Prefect server is configured it runs without one: a temporary server would stay for weeks
to note a single run, and Ctrl-C, which a terminal sends to both, would end it before its flow.

Each source has a thread of its own, and each labeler that the study names; beside them two threads
do what is due now and then, one for what must not wait (heartbeat, rewriting), one for what may
take long. The main thread waits for a signal.
"""

import atexit
import gc
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from threading import Thread
from typing import Final

from prefect import flow
from prefect.settings import get_current_settings

from flows import progress
from flows.aftermath import Aftermath
from flows.alerts import HOOKS
from flows.alone import alone
from flows.collect import choose
from flows.crashes import in_its_place
from flows.ending import Ending, stopping_on_signals
from flows.follower import Follower
from flows.guard import guarded
from flows.permission import check_permission
from flows.removing import resume
from flows.runs import recorded
from flows.upkeep import Chore, Upkeep
from flows.words import length_of_time, tally
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, CorpusError
from schema.sources import BlueskyStreamSource

HEARTBEAT_SECONDS: Final = 10.0
LISTS_SECONDS: Final = 3600.0
HELD_SECONDS: Final = 300.0
LATE_SECONDS: Final = 10.0
PERMISSION_SECONDS: Final = 3600.0
TASKS_SECONDS: Final = 600.0  # R15's deadline is a day; a server may have to be started for it
LOOK_SECONDS: Final = 0.5
GRACE_SECONDS: Final = 3.0  # for the page under way; a platform that hangs is not waited for
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def run_stream(sources: list[str] | None) -> dict[str, dict[str, int]]:
    """Run the flow, under the Prefect server that is configured or under none."""
    atexit.register(gc.freeze)  # to look through all that is left takes longer than the rest
    has_server = get_current_settings().api.url is not None
    if not has_server:
        return stream.fn(sources)
    with in_its_place():
        return stream(sources)


@flow(name="stream", log_prints=False, persist_result=False, **HOOKS)
@guarded
def stream(sources: list[str] | None = None) -> dict[str, dict[str, int]]:
    """Follow streams until SIGTERM or Ctrl-C; return each one's counts.

    Raises:
        CorpusError: one of them cannot be followed, whatever is waited for.
    """
    workspace = open_workspace()
    chosen = choose_streams(workspace, sources)
    ending = Ending()
    with stopping_on_signals(ending.stop):
        return follow(workspace, chosen, ending)


def choose_streams(
    workspace: Workspace, names: Sequence[str] | None
) -> tuple[BlueskyStreamSource, ...]:
    """Pick the study's streams, or those of them that are named.

    Raises:
        BadInput: there is none, or a named source is none.
    """
    chosen = choose(workspace, names) if workspace.study.source or names else ()
    streams = tuple(source for source in chosen if isinstance(source, BlueskyStreamSource))
    for source in chosen:
        if names and not isinstance(source, BlueskyStreamSource):
            raise BadInput(
                f"source {source.name} is of kind {source.kind}, no stream: read it by "
                "`confide collect`"
            )
    if not streams:
        raise BadInput(
            "the study has no stream: add a [[source]] of kind bluesky_stream to study.toml"
        )
    return streams


def follow(
    workspace: Workspace, sources: Sequence[BlueskyStreamSource], ending: Ending
) -> dict[str, dict[str, int]]:
    """Follow these sources until the run ends, then clear up; return each one's counts.

    Raises:
        CorpusError: what ended the run, where that was no signal.
    """
    for source in sources:
        check_permission(workspace, source)
    resume(workspace)
    aftermath = Aftermath(workspace)
    with ExitStack() as stack:
        for source in sources:
            stack.enter_context(alone(workspace, source.name))
        followers = [
            Follower(
                workspace,
                source,
                stack.enter_context(recorded(workspace, source)),
                ending,
                aftermath,
            )
            for source in sources
        ]
        _run(followers, aftermath, ending)
        try:
            aftermath.clear_up()
        except CorpusError as error:
            ending.fail(error)
        if ending.failure is not None:
            raise ending.failure
    return {follower.source.name: follower.counts for follower in followers}


def _run(followers: Sequence[Follower], aftermath: Aftermath, ending: Ending) -> None:
    """Start the threads, wait for the end, and let them finish what they are at."""
    streams = [Thread(target=follower.follow, daemon=True) for follower in followers]
    first = followers[0]  # in whose name labels are obeyed
    labelers = [
        Thread(target=first.follow_labeler, args=(url,), daemon=True)
        for url in first.workspace.study.platforms.bluesky.labelers
    ]
    upkeep = [
        Upkeep(_prompt_chores(followers, aftermath), ending),
        Upkeep(_patient_chores(followers, aftermath), ending),
    ]
    for thread in (*streams, *labelers, *upkeep):
        thread.start()
    try:
        while not ending.stop.wait(LOOK_SECONDS):
            progress.said("; ".join(map(_line, followers)))
    finally:
        ending.stop.set()
        for thread, follower in zip(streams, followers, strict=True):
            thread.join(GRACE_SECONDS)
            while thread.is_alive() and follower.is_storing:
                thread.join(LOOK_SECONDS)
        for thread in labelers:
            thread.join(GRACE_SECONDS)
        ending.is_over = True
        for thread in upkeep:  # a rewriting or a Label Studio that was started is seen through
            thread.join()
    for follower in followers:
        follower.say_progress()


def _prompt_chores(followers: Sequence[Follower], aftermath: Aftermath) -> list[Chore]:
    beats = [Chore(follower.say_progress, HEARTBEAT_SECONDS) for follower in followers]
    return [Chore(aftermath.rewrite_when_due, 0.0), *beats]


def _patient_chores(followers: Sequence[Follower], aftermath: Aftermath) -> list[Chore]:
    chores = [
        Chore(aftermath.close_stale_tasks, TASKS_SECONDS),
        Chore(aftermath.mark_when_due, 1.0),
        Chore(aftermath.renew_when_due, 1.0),
    ]
    for follower in followers:
        chores += [
            Chore(follower.take_feeds, seconds_of(follower.source.feeds_every)),
            Chore(follower.take_lists, LISTS_SECONDS),
            Chore(follower.take_held, HELD_SECONDS),
            Chore(follower.take_late, LATE_SECONDS),
            Chore(follower.check_permission, PERMISSION_SECONDS),
        ]
    return chores


def seconds_of(interval: str) -> float:
    """Read an interval of the study's, such as `10m`."""
    return float(interval[:-1]) * _SECONDS[interval[-1]]


def _line(follower: Follower) -> str:
    """Say in a line how far a stream is."""
    told = [f"{follower.source.name}: {tally(follower.counts)}"]
    if follower.witnessed_at is not None:
        behind = max(follower.workspace.now() - follower.witnessed_at, timedelta())
        told.append(f"{length_of_time(behind.total_seconds())} behind")
    if follower.trouble is not None:
        told.append(f"waiting: {follower.trouble}")
    return ", ".join(told)
