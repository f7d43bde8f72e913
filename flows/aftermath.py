"""What removals and edits leave to be cleared up while a stream is followed, and by when.

Bytes of removed rows are gone within a minute of the event: a page is stored within
`STORED_SECONDS` of it, and the file is rewritten early enough to be done in time, judged by how
long the last rewriting took. Rewritings are no closer together than that.
"""

import math
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from flows.after_removals import close_tasks
from flows.passes import mark_duplicates
from flows.tally import Tally
from flows.workspace import Workspace
from warehouse import store

GONE_SECONDS: Final = 60.0  # from an event to gone in the warehouse's bytes
STORED_SECONDS: Final = 10.0  # from an event to its page being stored: 5 s of filling, 5 of storing
MARK_SECONDS: Final = 15 * 60.0  # between two markings of duplicates
MARK_SHARE: Final = 20  # a marking takes no more than this fraction of the time
QUICK_SECONDS: Final = 2.0  # what may be done while somebody waits for the end
QUICK_POSTS: Final = 20_000  # so many were marked in less wherever it was measured


@dataclass(slots=True)
class Aftermath:
    """What is still to be cleared up; several threads add to it."""

    workspace: Workspace
    removed_at: float | None = -math.inf  # a run that died may have left removed bytes
    is_task_stale: bool = True  # and tasks
    rewriting_seconds: float = 5.0
    marking_seconds: float | None = None  # unknown before the first marking
    marked_at: float = field(default_factory=monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, tally: Tally) -> None:
        """Take note of what a page removed or reworded."""
        if not (tally.removed_count or tally.updated_count):
            return
        with self.lock:
            self.removed_at = monotonic() if self.removed_at is None else self.removed_at
            self.is_task_stale = True

    def await_rewriting(self) -> None:
        """Take note that deleted bytes stand in the file, whoever deleted them."""
        with self.lock:
            self.removed_at = monotonic() if self.removed_at is None else self.removed_at

    @property
    def rewrite_after_seconds(self) -> float:
        """Say how long removals may gather before the file is rewritten."""
        return max(0.0, GONE_SECONDS - STORED_SECONDS - 2 * self.rewriting_seconds)

    def rewrite_when_due(self) -> None:
        """Rewrite the warehouse where the oldest removal has waited long enough."""
        removed_at = self.removed_at
        if removed_at is not None and monotonic() - removed_at >= self.rewrite_after_seconds:
            self.rewrite()

    def rewrite(self) -> None:
        """Rewrite the warehouse where anything was removed or reworded."""
        with self.lock:
            waiting, self.removed_at = self.removed_at, None
        if waiting is None:
            return
        began = monotonic()
        try:
            was_needed = store.compact(self.workspace.warehouse, now=self.workspace.now())
        except BaseException:
            self.removed_at = waiting
            raise
        if was_needed:
            self.rewriting_seconds = monotonic() - began

    def close_stale_tasks(self) -> None:
        """Delete Label Studio's tasks of what is gone or reworded."""
        with self.lock:
            is_stale, self.is_task_stale = self.is_task_stale, False
        if not is_stale:
            return
        try:
            close_tasks.fn(True)
        except BaseException:
            self.is_task_stale = True
            raise

    def mark_when_due(self) -> None:
        """Mark duplicates, now and then."""
        last_seconds = self.marking_seconds or 0.0
        if monotonic() - self.marked_at >= max(MARK_SECONDS, MARK_SHARE * last_seconds):
            self.mark()

    def mark(self) -> None:
        """Mark posts that say what an earlier one said."""
        began = monotonic()
        mark_duplicates.fn()
        self.marked_at = monotonic()
        self.marking_seconds = self.marked_at - began

    def clear_up(self) -> None:
        """Do at the end what would otherwise wait; long marking is left to the next pass."""
        self.rewrite()
        self.close_stale_tasks()
        if self._is_marking_quick():
            self.mark()

    def _is_marking_quick(self) -> bool:
        """Judge by the last marking; before the first by how many posts there are."""
        if self.marking_seconds is not None:
            return self.marking_seconds <= QUICK_SECONDS
        workspace = self.workspace
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            return store.count_posts(warehouse) <= QUICK_POSTS
