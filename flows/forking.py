"""Runs of deployments begin as copies of a process that has Prefect and the clients loaded.

Prefect starts each run in a new interpreter, which then loads modules for four seconds of CPU, and
of twenty sources that is most of what an idle study costs. The standard library's fork server loads
the greater part once. Not in it: Polars and DuckDB, and what imports them, since their threads
would not survive the copying (https://docs.pola.rs/user-guide/misc/multiprocessing).
"""

import multiprocessing
from multiprocessing.context import ForkServerContext
from typing import Final

from prefect import flow_engine

LOADED: Final = (
    "prefect.flow_engine",
    "atproto",
    "praw",
    "sqlalchemy",
    "concurrent_log_handler",
)


class _Forking:
    """What Prefect's flow engine asks of `multiprocessing`: a way to start a process."""

    def __init__(self, context: ForkServerContext) -> None:
        self._context = context

    def get_context(self, _method: str) -> ForkServerContext:
        return self._context


def fork_runs() -> None:
    """Let Prefect's runner in this process fork its runs, where it would spawn them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    flow_engine.multiprocessing = _Forking(context)  # type: ignore[attr-defined, assignment]
