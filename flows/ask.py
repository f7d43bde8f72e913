"""`confide sql`: a question to the published file, its answer on the terminal or in a file."""

import csv
import json
import os
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO, get_args

from flows.plain_paths import whole
from flows.shell import converse
from flows.tables import as_table
from flows.workspace import open_workspace
from schema.errors import BadInput
from warehouse.corpus import Corpus, Rows, Saved, open_corpus

SHOWN_ROWS: Final = 200
FILES: Final[tuple[Saved, ...]] = get_args(Saved)


def ask(study: Path, statement: str | None, *, shape: str, out: Path | None) -> None:
    """Answer a statement; without one read standard input, or talk where that is a terminal.

    Raises:
        BadInput: nothing was published, the statement does not run, the format is none of ours
            or does not fit, or the file is in the way.
    """
    published = open_workspace(study).published
    if out is not None:
        kind = _kind(out, shape)
        with whole(out) as part, open_corpus(published, writes=part) as corpus:
            count = corpus.save(statement or sys.stdin.read(), part, kind)
        print(f"{count} rows in {out}", file=sys.stderr)
        return
    write = _writer(shape)
    with open_corpus(published) as corpus:
        if statement is None and sys.stdin.isatty():
            converse(corpus, answer=lambda one: _show(corpus, one, write))
        else:
            _show(corpus, statement or sys.stdin.read(), write)


def _kind(out: Path, shape: str) -> Saved:
    """Choose a file's format: the one asked for, else what its ending says."""
    wanted = shape or out.suffix.removeprefix(".")
    if wanted not in FILES:
        raise BadInput(
            f"{out.name}: a file's format is one of {', '.join(FILES)}; end its name so, "
            "or say --format"
        )
    if out.exists():
        raise BadInput(f"{out}: is there already; remove it or choose another name")
    return next(kind for kind in FILES if kind == wanted)


def _show(corpus: Corpus, statement: str, write: "Writer") -> None:
    """Write an answer; a reader that has seen enough, as `head` has, is no fault."""
    try:
        write(corpus.rows(statement), sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _table(rows: Rows, out: TextIO) -> None:
    found = [dict(zip(rows.names, row, strict=True)) for row in islice(rows, SHOWN_ROWS + 1)]
    print(as_table(found[:SHOWN_ROWS]), file=out)
    if len(found) > SHOWN_ROWS:
        print(f"the first {SHOWN_ROWS} rows; --format csv or --out FILE gives all", file=out)


def _csv(rows: Rows, out: TextIO) -> None:
    write = csv.writer(out, lineterminator="\n")
    write.writerow(rows.names)
    write.writerows(rows)


def _json(rows: Rows, out: TextIO) -> None:
    ends = "["
    for row in rows:
        out.write(f"{ends}{_object(rows, row)}")
        ends = ",\n"
    out.write("]\n" if ends != "[" else "[]\n")


def _ndjson(rows: Rows, out: TextIO) -> None:
    out.writelines(f"{_object(rows, row)}\n" for row in rows)


def _object(rows: Rows, row: tuple[Any, ...]) -> str:
    return json.dumps(dict(zip(rows.names, row, strict=True)), default=str)


Writer = Callable[[Rows, TextIO], None]
WRITERS: Final[Mapping[str, Writer]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "ndjson": _ndjson,
}


def _writer(shape: str) -> Writer:
    if shape == "parquet":
        raise BadInput("parquet is no text: name a file with --out")
    if writer := WRITERS.get(shape or "table"):
        return writer
    raise BadInput(f"--format {shape}: there are {', '.join(WRITERS)} and parquet")
