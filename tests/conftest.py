"""Fixtures that more than one file of tests uses."""

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings

from tests.support.bluesky_network import bluesky_network
from tests.support.bluesky_study import hasty_streams
from tests.support.invented_study import invented_study
from tests.support.needs import REPOSITORY, needs_program, shared_folder
from tests.support.prefect_server import prefect_server

__all__ = ["bluesky_network", "hasty_streams", "invented_study", "needs_program", "prefect_server"]

# Loaded here and imported by no test: pytest must see the module first, to rewrite its asserts.
pytest_plugins = ["tests.support.label_studio"]

# Two busy cores miss any deadline now and then; what CI draws, a rerun must draw again.
settings.register_profile("confide", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("confide")


# Where a test finds what is not in the checkout, and for how long one goes on.
PLACES = {"CONFIDE_SHARED", "CONFIDE_BLUESKY_NETWORK", "CONFIDE_SOAK_MINUTES"}


def pytest_configure() -> None:
    """Forget the developer's own study, servers and keys before any module reads them.

    What Python compiles is kept: without, each command that a test runs compiles for seconds.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in os.environ.keys() - PLACES:
        if name.startswith(("CONFIDE_", "PREFECT_", "LABEL_STUDIO_")):
            del os.environ[name]


# Begun first, so that no process is left alone with one of them.
LONGEST = ("demo", "exactly_once", "nameless", "up", "backfill", "recordings_study")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; nothing else moves."""
    names = {f"test_{name}.py" for name in LONGEST}
    items.sort(key=lambda item: item.path.name not in names)


def pytest_report_header() -> str:
    return f"duckdb {duckdb.__version__}"


@pytest.fixture(scope="session", autouse=True)
def _no_home_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look for key files and rate budgets in folders of the session's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of recordings; the test skips where there is none."""
    return shared_folder()


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Return the folder whose files CI keeps; git ignores it."""
    folder = REPOSITORY / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder
