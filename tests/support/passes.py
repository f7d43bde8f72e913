"""A study worked on by the tasks themselves: what a flow does, without Prefect's engine around it.

A task's own function is called, so nothing waits before another try and no server is needed.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.backfill import FILES_VARIABLE, backfill_file, hand_over
from flows.clock import Clock
from flows.collect import collect_source
from flows.refresh import refresh_platform
from flows.workspace import Workspace, open_workspace
from schema.vocabulary import Platform
from tests.support.command import NOWHERE, PORCH, Place, environment, place
from transforms.pseudonymize import post_keys
from warehouse import store
from warehouse.publish import publish


@dataclass(slots=True)
class Passes:
    """A study, and the instant at which it is worked on."""

    place: Place
    now: datetime
    speed: int = 0  # of the clock, which else stands

    def collect(self, source: str = "porch") -> dict[str, int]:
        """Read one source once."""
        with self._at_now():
            return collect_source.fn(source)

    def refresh(self, platform: Platform = "reddit") -> dict[str, int]:
        """Look at what is due once."""
        with self._at_now():
            return refresh_platform.fn(platform)

    def backfill(self, source: str, *files: Path) -> list[dict[str, int]]:
        """Read files of a source, each to its end."""
        with self._at_now():
            name, archives = hand_over(self.place.folder, source, files)
            return [backfill_file.fn(name, archive) for archive in archives]

    def sql(self, query: str, values: Sequence[Any] = ()) -> pl.DataFrame:
        """Ask the warehouse."""
        with store.open_warehouse(self.place.folder / "warehouse.duckdb", now=self.now) as opened:
            return opened.frame(query, list(values))

    def write(self, statement: str) -> None:
        """Change the warehouse, as no flow would."""
        with store.open_warehouse(self.place.folder / "warehouse.duckdb", now=self.now) as opened:
            opened.execute(statement)

    def held(self) -> list[int]:
        """List the keys of the posts that are held, each as often as it is."""
        return self.sql("select post_key from landed.post_versions")["post_key"].to_list()

    def keys(self, native_ids: Sequence[str], *, platform: Platform = "reddit") -> set[int]:
        """Map native ids to the keys that the study gives them."""
        with self.workspace() as workspace:
            key = workspace.key.pseudonym_key(platform)
        return set(post_keys(platform, list(native_ids), key=key))

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """Open the study as a task would."""
        with self._at_now():
            workspace = open_workspace()
            workspace.key  # noqa: B018 - read while the environment says where it lies
            yield workspace

    @contextmanager
    def _at_now(self) -> Iterator[None]:
        since = datetime.now(UTC) if self.speed else None
        variables = {
            **self.place.environment,
            "XDG_CONFIG_HOME": str(self.place.config),
            "CONFIDE_STUDY": str(self.place.folder),
            "CONFIDE_NOW": str(Clock(self.now, self.speed, since)),
            FILES_VARIABLE: "{}",  # which a backfill fills
        }
        with environment(variables):
            yield


def passes(
    folder: Path,
    *,
    reddit: str = NOWHERE,
    bluesky: str = NOWHERE,
    now: datetime,
    sources: str,
    policy: str = "",
    **variables: str,
) -> Passes:
    """Write a study below `folder` whose platforms answer at these addresses."""
    folder.mkdir(exist_ok=True)
    made = place(folder, **variables)
    made.write_study(reddit=reddit, bluesky=bluesky, sources=sources)
    path = made.folder / "study.toml"
    text = path.read_text("utf-8").replace(
        "allow_loopback = true", f"allow_loopback = true\n{policy}"
    )
    path.write_text(text, "utf-8")
    return Passes(made, now)


def collected(folder: Path, *, reddit: str, now: datetime, sources: str = PORCH) -> Passes:
    """Collect and publish a study once; tests work on `copied` ones."""
    study = passes(folder, reddit=reddit, now=now, sources=sources)
    study.collect()
    with study.workspace() as workspace:
        publish(workspace.warehouse, workspace.published, now=now)
    return study


def copied(study: Passes, folder: Path, *, reddit: str, sources: str = PORCH) -> Passes:
    """Copy a study into a folder of its own, with a key of the same bytes."""
    made = passes(folder, reddit=reddit, now=study.now, sources=sources)
    shutil.copytree(study.place.folder, made.place.folder, dirs_exist_ok=True)
    return made
