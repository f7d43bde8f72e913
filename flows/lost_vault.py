"""A warehouse whose vault is gone: nobody knows any more what was removed, or asked to stay out.

A new vault would let old dumps and reruns bring all of it back, so none is laid out.
"""

from datetime import datetime
from pathlib import Path

from schema.errors import VaultLocked


def refuse_if_lost(vault: Path, warehouse: Path, *, now: datetime) -> None:
    """Refuse to begin a vault beside a warehouse that had one.

    The warehouse is opened only where the vault is missing or empty; call it while nobody in
    this process holds the warehouse.

    Raises:
        VaultLocked: the vault is missing or empty, and the warehouse holds or held posts.
        WarehouseError: whether it does cannot be read.
    """
    if has_vault(vault) or not _has_held_posts(warehouse, now=now):
        return
    if has_vault(vault):  # made, like the posts, by another process since we looked
        return
    raise VaultLocked(
        f"{vault.name} is missing or empty beside a warehouse that has held posts, so what must "
        "stay out is unknown: restore both from one backup with `confide restore`"
    )


def has_vault(vault: Path) -> bool:
    """Tell whether there is a vault; an empty file is none."""
    try:
        return vault.stat().st_size > 0
    except FileNotFoundError:
        return False


def _has_held_posts(path: Path, *, now: datetime) -> bool:
    from warehouse import store  # noqa: PLC0415  loads DuckDB: `confide init` needs none of it

    if not path.exists():
        return False
    with store.open_warehouse(path, now=now) as warehouse:
        return store.has_held_posts(warehouse)
