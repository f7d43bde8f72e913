"""Following one stream, for weeks: page after page into the store, and waiting out what passes.

What it keeps in memory is bounded: a page, the filter, counts, and five minutes of samples.
"""

import json
import threading
from collections import deque
from dataclasses import asdict
from datetime import datetime
from time import monotonic
from typing import Final

from flows import progress
from flows.aftermath import Aftermath
from flows.ending import Ending
from flows.gate import land
from flows.guard import guarded
from flows.labels import follow_labels
from flows.patience import PASSING, Patience
from flows.permission import check_permission
from flows.runs import Run
from flows.stream_reader import StreamReader
from flows.tally import Tally
from flows.workspace import Workspace
from schema.errors import CorpusError
from schema.pages import ParsedPage, RawPage
from schema.sources import BlueskyStreamSource
from schema.vocabulary import SourceRoute
from warehouse import store

SAMPLES_COUNT: Final = 31  # one a heartbeat: the rate is that of the last five minutes


class Follower:
    """Follows one stream until its run ends."""

    def __init__(
        self,
        workspace: Workspace,
        source: BlueskyStreamSource,
        run: Run,
        ending: Ending,
        aftermath: Aftermath,
    ) -> None:
        """Take over a run that has begun."""
        self.workspace, self.source, self.run = workspace, source, run
        self.ending, self.aftermath, self.patience = ending, aftermath, Patience(ending)
        self.reader: StreamReader | None = None
        self.is_storing = False  # a platform that hangs may be left; a transaction is seen through
        self.scanned_count = 0
        self.witnessed_at: datetime | None = None
        self.committed_at: datetime | None = None
        self._samples: deque[tuple[float, int]] = deque([(monotonic(), 0)], SAMPLES_COUNT)
        self._counting = threading.Lock()

    def follow(self) -> None:
        """Follow until the run ends; what no waiting mends ends it."""
        try:
            self._follow()
        except CorpusError as error:
            self.ending.fail(error)

    @guarded
    def _follow(self) -> None:
        self.reader = self.patience.get(lambda: StreamReader(self.workspace, self.source))
        while self.reader is not None and not self.ending.stop.is_set():
            try:
                for page in self.reader.pages(stop=self.ending.stop):
                    if not self._take(self.reader, page):
                        return  # what follows must not be stored before this page
            except PASSING as error:
                self.patience.wait(error)

    def _take(self, reader: StreamReader, page: RawPage) -> bool:
        """Store a page, however long that takes; False where the run ended before."""
        parsed = self.patience.get(lambda: reader.parse(page))
        if parsed is None or self.ending.is_over:
            return False
        self.is_storing = True
        try:
            return self._keep(reader, page, parsed)
        finally:
            self.is_storing = False

    def _keep(self, reader: StreamReader, page: RawPage, parsed: ParsedPage) -> bool:
        """Store a parsed page, and follow what it added; False where the run ended before."""
        if self.patience.get(lambda: self._store(page, parsed)) is None:
            return False
        self.scanned_count += page.scanned_count
        self.committed_at = self.workspace.now()
        place = json.loads(page.position or "{}")
        if "witnessed_at" in place:
            self.witnessed_at = datetime.fromisoformat(place["witnessed_at"])
            progress.told(self.source.name, int(place["seq"]))
        return self.patience.get(lambda: self._learn(reader, parsed)) is not None

    def _store(self, page: RawPage, parsed: ParsedPage, route: SourceRoute | None = None) -> Tally:
        tally = land(self.workspace, page, parsed, self.run.stamp(page.stream, route))
        self.count(tally)
        return tally

    def count(self, tally: Tally) -> None:
        """Add what was stored in the run's name to its counts, whichever thread stored it."""
        with self._counting:
            self.run.tally.add(tally)
        self.aftermath.note(tally)

    def follow_labeler(self, url: str) -> None:
        """Follow a labeler until the run ends: what it takes down goes while the stream runs."""
        patience = Patience(self.ending)
        while not self.ending.stop.is_set():
            try:
                self._follow_labeler(url)
            except PASSING as error:
                patience.wait(error)
            except CorpusError as error:
                self.ending.fail(error)

    @guarded
    def _follow_labeler(self, url: str) -> None:
        follow_labels(self.workspace, self.run, url, self.count, stop=self.ending.stop)

    def _learn(self, reader: StreamReader, parsed: ParsedPage) -> bool:
        reader.learn(parsed)
        return True

    def take_feeds(self) -> bool:
        """Store what the custom feeds show now; False before the stream's reader is there."""
        if self.reader is None:
            return False
        for reading in self.reader.feed_readings():
            if self.ending.stop.is_set():
                break
            parsed = reading.parse(reading.page)
            self._store(reading.page, parsed, reading.route)
            self.reader.learn(parsed)
        return True

    def take_late(self) -> bool:
        """Store what answered posts before they were held; False before the reader is there."""
        if self.reader is None:
            return False
        for reading in self.reader.late_readings():
            if self.ending.stop.is_set():
                break
            parsed = reading.parse(reading.page)
            self._store(reading.page, parsed, reading.route)
            self.reader.learn(parsed, is_thread=True)
        return True

    def take_lists(self) -> bool:
        """Follow who is in the lists now."""
        if self.reader is None:
            return False
        self.reader.read_lists()
        return True

    def take_held(self) -> bool:
        """Look out for replies to what other routes brought."""
        if self.reader is None:
            return False
        self.reader.read_held()
        return True

    def check_permission(self) -> None:
        """End the run once its records are out of date (R5)."""
        check_permission(self.workspace, self.source)

    def say_progress(self) -> None:
        """Write down that this run lives, and how far it is."""
        self._samples.append((monotonic(), self.scanned_count))
        with store.open_warehouse(self.workspace.warehouse, now=self.workspace.now()) as warehouse:
            store.save_progress(
                warehouse,
                self.run.stamp(self.source.name),
                store.StreamProgress(
                    heard_at=self.workspace.now(),
                    committed_at=self.committed_at,
                    scanned_count=self.scanned_count,
                    events_per_second=self.events_per_second,
                    trouble=self.trouble,
                ),
                counts=asdict(self.run.tally),
            )
            if store.is_rewrite_due(warehouse):  # what is no post is in no tally: a like, say
                self.aftermath.await_rewriting()

    @property
    def trouble(self) -> str | None:
        """Say what is being waited out, or what of the source cannot be followed."""
        if self.patience.trouble is not None:
            return str(self.patience.trouble)
        return None if self.reader is None else self.reader.trouble

    @property
    def events_per_second(self) -> float:
        """Say how many events were handled a second, over the last minutes."""
        began, count = self._samples[0]
        seconds = monotonic() - began
        return (self.scanned_count - count) / seconds if seconds > 0 else 0.0

    @property
    def counts(self) -> dict[str, int]:
        """What the run has done so far."""
        return {"scanned_count": self.scanned_count, **asdict(self.run.tally)}
