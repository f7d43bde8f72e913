"""What removals and edits leave to be cleared up while a stream is followed, and by when.

Bytes of removed rows are gone within a minute of the event: a page is stored within
`STORED_SECONDS` of it, and the file is rewritten early enough to be done in time, judged by the
longest rewriting so far: most move a little of the file, some write all of it. Rewritings are no
closer together than that.
"""

import math
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from flows.after_removals import close_tasks, renew_published
from flows.passes import mark_duplicates
from flows.tally import Tally
from flows.workspace import Workspace
from schema.errors import StoreBusy, WarehouseError
from warehouse import store

GONE_SECONDS: Final = 60.0  # from an event to gone in the warehouse's bytes
STORED_SECONDS: Final = 10.0  # from an event to its page being stored: 5 s of filling, 5 of storing
MARK_SECONDS: Final = 15 * 60.0  # between two markings of duplicates
RENEW_SECONDS: Final = 30 * 60.0  # between two renewals of the published file: R15 wants an hour
MARK_SHARE: Final = 20  # neither takes more than this fraction of the time
QUICK_SECONDS: Final = 2.0  # what may be done while somebody waits for the end
QUICK_POSTS: Final = 20_000  # so many were marked in less wherever it was measured


@dataclass(slots=True)
class Aftermath:
    """What is still to be cleared up; several threads add to it."""

    workspace: Workspace
    removed_at: float | None = -math.inf  # a run that died may have left removed bytes
    rewriting_seconds: float = 5.0
    marking_seconds: float | None = None  # unknown before the first marking
    marked_at: float = field(default_factory=monotonic)
    renewing_seconds: float = 0.0
    unpublished: WarehouseError | None = None
    renewed_at: float = field(default_factory=monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, tally: Tally) -> None:
        """Take note of what a page removed or reworded."""
        if not (tally.removed_count or tally.updated_count):
            return
        with self.lock:
            self.removed_at = monotonic() if self.removed_at is None else self.removed_at

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
            self.rewriting_seconds = max(self.rewriting_seconds, monotonic() - began)

    def close_stale_tasks(self) -> None:
        """Delete Label Studio's tasks of what is gone or reworded."""
        close_tasks.fn()

    def renew_when_due(self) -> None:
        """Replace the published file where it shows what is gone, now and then.

        One that had to be taken away is no reason to miss what the stream tells: it is told last.
        """
        if monotonic() - self.renewed_at < max(RENEW_SECONDS, MARK_SHARE * self.renewing_seconds):
            return
        try:
            self.renew()
        except StoreBusy:
            raise
        except WarehouseError as error:
            self.unpublished = error

    def renew(self) -> None:
        """Replace the published file where it shows what is gone."""
        self.renewed_at = monotonic()
        if renew_published.fn():
            self.renewing_seconds = monotonic() - self.renewed_at

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
        self.renew()
        if self._is_marking_quick():
            self.mark()
        if self.unpublished is not None:
            raise self.unpublished

    def _is_marking_quick(self) -> bool:
        """Judge by the last marking; before the first by how many posts there are."""
        if self.marking_seconds is not None:
            return self.marking_seconds <= QUICK_SECONDS
        workspace = self.workspace
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            return store.count_posts(warehouse) <= QUICK_POSTS
