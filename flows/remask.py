"""Stored texts brought up to the masking rules of this version, without asking any platform."""

from typing import Final

from flows.workspace import Workspace
from transforms.pseudonymize import remask
from transforms.scrub import scrubber_version
from warehouse import store

BATCH: Final = 10_000  # posts held in memory at once; a crash repeats one batch


def mask_anew(workspace: Workspace) -> int:
    """Mask again what an older version masked; return how many posts changed."""
    if not workspace.warehouse.exists():
        return 0
    changed = 0
    with_model = workspace.study.policy.names_model
    version = scrubber_version(with_model=with_model)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        while True:
            posts = store.less_masked(warehouse, version, limit=BATCH)
            if posts.is_empty():
                return changed
            changed += store.save_remasked(warehouse, remask(posts, with_model=with_model))
