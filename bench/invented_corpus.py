"""An invented corpus of any size, coded and ready to be published, made inside DuckDB.

It stands in the tables that flows fill, but no contract was asked: tests of the store use rows
that were. Here the tables' size and what hangs on what count, for the analyst's side.
"""

from pathlib import Path
from typing import Final

from annotation.codebook import load_codebook
from schema.codebook import Codebook
from warehouse import store

CHUNK: Final = 2_000_000
FOLDER: Final = Path(__file__).parent
REPLY_LAYERS: Final = ("reply", "follow_up")
VOCABULARY: Final = (
    "the kettle clicked off and nobody came so i wrote this down before the night bus left again "
    "my hands were cold all week at work they asked if i was fine and i said fine which is a lie "
    "we sat on the porch until it was dark does anyone else count the steps home or is that me "
    "thank you for reading it helps to say it out loud even here where no one knows the street "
    "tomorrow i call the clinic maybe please tell me how you got through your first long winter"
)


def fill(warehouse: store.Warehouse, *, posts: int, units: int) -> None:
    """Fill an empty warehouse with `posts` posts, of which about `units` are drawn and coded.

    Three coders code each; a root gets some twenty labels, a reply ten.
    """
    book = load_codebook()
    _set(
        warehouse, posts=posts, units=units, words=VOCABULARY.split(), codebook_version=book.version
    )
    for first in range(0, posts, CHUNK):
        _set(warehouse, first=first, last=min(posts, first + CHUNK))
        _run(warehouse, "invented_corpus.sql")
    store.save_codebook(warehouse, book)
    store.set_current_round(warehouse, "W1", "R1", book.version)
    _codes(warehouse, book)
    _run(warehouse, "invented_coding.sql")


def _codes(warehouse: store.Warehouse, book: Codebook) -> None:
    """Say of every code of posts how common it is, and how often a coder errs on it."""
    warehouse.execute(
        "create temp table codes (code_id varchar, is_reply boolean, is_binary boolean, "
        "rate double, error double)"
    )
    coded = [code for code in book.codes if code.unit == "post" and code.id != "crisis_flag"]
    for number, code in enumerate(coded):
        warehouse.execute(
            "insert into codes values (?, ?, ?, ?, ?)",
            [
                code.id,
                code.layer in REPLY_LAYERS,
                code.scale.type == "binary",
                0.12 + 0.04 * (number % 9),
                0.01 + 0.02 * (number % 7),
            ],
        )


def _set(warehouse: store.Warehouse, **variables: object) -> None:
    for name, value in variables.items():
        warehouse.execute(f"set variable {name} = ?", [value])


def _run(warehouse: store.Warehouse, name: str) -> None:
    warehouse.connection.execute((FOLDER / name).read_text("utf-8"))
