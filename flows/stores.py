"""A study's two stores, opened together for one short piece of work: no network call inside."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from connectors.vault import Vault, open_vault
from flows.workspace import Workspace
from warehouse import store


@dataclass(frozen=True, slots=True)
class Stores:
    """The open vault and the open warehouse."""

    vault: Vault
    warehouse: store.Warehouse


@contextmanager
def open_stores(workspace: Workspace) -> Iterator[Stores]:
    """Open both, the vault first; close them at the end.

    Raises:
        CorpusError: one is busy, damaged, or not to be opened by this key or program.
    """
    with (
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
        store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse,
    ):
        yield Stores(vault, warehouse)
