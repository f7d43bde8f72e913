"""What is still to follow the warehouse, once rows were removed, hidden or reworded.

The store counts how often that happened; Label Studio's tasks and the published file each have
the count up to which they follow. A process that dies leaves the difference, for the next one.
"""

from dataclasses import dataclass

from warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class Due:
    """What does not follow yet. `taken_count`: as of when that was asked.

    `is_published_reworded`: what the published file does not follow is more than removals.
    """

    is_rewrite_due: bool
    are_tasks_due: bool
    is_published_due: bool
    is_published_reworded: bool
    taken_count: int


def note_removed(warehouse: Warehouse) -> None:
    """Note that rows went: the file's bytes, the tasks and the published file must follow."""
    mark_rewrite_due(warehouse)
    warehouse.execute("update landed.taken_back set taken_count = taken_count + 1")


def note_reworded(warehouse: Warehouse) -> None:
    """Note the same of posts that were hidden, reworded or emptied."""
    note_removed(warehouse)
    warehouse.execute("update landed.taken_back set reworded_count = taken_count")


def mark_rewrite_due(warehouse: Warehouse) -> None:
    """Note that bytes of deleted rows stand in the file until it is rewritten."""
    warehouse.execute(
        "update landed.store set rewrite_due_at = coalesce(rewrite_due_at, ?)", [warehouse.now]
    )


def read_due(warehouse: Warehouse) -> Due:
    """Say what does not follow yet."""
    [row] = warehouse.execute(
        "select rewrite_due_at is not null, tasks_follow_count < taken_count, "
        "published_follows_count < taken_count, published_follows_count < reworded_count, "
        "taken_count from landed.store, landed.taken_back"
    )
    return Due(*row)


def tasks_follow(warehouse: Warehouse, taken_count: int) -> None:
    """Note up to where Label Studio's tasks follow."""
    _follow(warehouse, "tasks_follow_count", taken_count)


def published_follows(warehouse: Warehouse, taken_count: int) -> None:
    """Note up to where the published file follows, or that there is none."""
    _follow(warehouse, "published_follows_count", taken_count)


def begin_purge(warehouse: Warehouse) -> bool:
    """Note that Label Studio's files may hold bytes of deleted tasks; tell whether they did."""
    was_due = bool(warehouse.scalar("select is_purge_due from landed.taken_back"))
    warehouse.execute("update landed.taken_back set is_purge_due = true")
    return was_due


def end_purge(warehouse: Warehouse) -> None:
    """Note that they hold none."""
    warehouse.execute("update landed.taken_back set is_purge_due = false")


def _follow(warehouse: Warehouse, column: str, taken_count: int) -> None:
    warehouse.execute(
        f"update landed.taken_back set {column} = greatest({column}, ?)", [taken_count]
    )
