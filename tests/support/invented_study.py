"""A study with an invented corpus, coded, judged and published: made once a session."""

from datetime import UTC, datetime
from typing import Final

import pytest

from bench.invented_corpus import fill
from tests.support.command import Place, place
from tests.support.warehouse_rows import removals
from warehouse import store

NOW: Final = datetime(2026, 4, 21, 12, tzinfo=UTC)
POSTS, UNITS = 3_000, 700


@pytest.fixture(scope="session")
def invented_study(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return a study of 3,000 posts, of which some 700 are coded, for tests that only read."""
    here = place(tmp_path_factory.mktemp("invented")).having(CONFIDE_NOW=NOW.isoformat())
    here.write_study()
    path = here.folder / "warehouse.duckdb"
    with store.open_warehouse(path, now=NOW) as warehouse:
        fill(warehouse, posts=POSTS, units=UNITS)
        [(undrawn,)] = warehouse.execute(
            "select min(post_key) from landed.post_versions "
            "where post_key not in (select unit_key from landed.units)"
        )
        store.remove(warehouse, removals(undrawn), now=NOW)
        store.compute_verdicts(warehouse, now=NOW)
    store.publish(path, here.folder / "published" / "corpus.duckdb", now=NOW)
    return here
