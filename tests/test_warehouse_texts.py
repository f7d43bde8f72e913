"""What SQL tells of a text: the devices it uses, and whether it names somebody."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from warehouse.models import model

MACROS = ("reach_devices", "reach_device_count", "names_somebody")
# every name is invented
NAMING = (
    "mail jo.kettle@example.org",
    "see at://did:plc:abc",
    "it was did:web:kettle.example",
    "by @jo.example.com",
    "t3_abcdefg",
    "at http://kettle.example",
)
NAMELESS = ("me @ home, 3pm", "c'est la vie [EMAIL] [LINK:news] part_3", "t9_abcdefg did: so", "")
WORDY = (
    "Like this and watch to the end #fyp #viral",
    "THE ALGORITHM took it: part two is up, swipe for more, what he said next",
    "A kettle sang and nobody came.",
    "follow for more, and share if you can",
    "",
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name in MACROS:
            connection.execute(model("macros", name).sql)
        yield connection


@pytest.mark.parametrize("text", NAMING)
def test_a_text_that_names_somebody_is_told(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert connection.execute("select names_somebody($1)", [text]).fetchall() == [(True,)]


@pytest.mark.parametrize("text", [*NAMELESS, None])
def test_a_text_that_names_nobody_is_not(
    connection: duckdb.DuckDBPyConnection, text: str | None
) -> None:
    assert connection.execute("select names_somebody($1)", [text]).fetchall() == [(False,)]


@pytest.mark.parametrize("text", WORDY)
def test_devices_are_counted_once_each(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    [(devices, counted)] = connection.execute(
        "select reach_devices(), reach_device_count($1)", [text]
    ).fetchall()
    assert counted == sum(bool(re.search(device, text.lower())) for device in devices)
