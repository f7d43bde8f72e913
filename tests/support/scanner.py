"""Look for names in files: the test of the design's first promise.

A long name is looked for everywhere, in any case: in every value a file holds once decoded, and
in its raw bytes (UTF-8, UTF-16, escaped as JSON, URL or HTML do). A short name, or one that is an
ordinary word, counts as a whole value and in its `@x`, `u/x` and URL forms. Before it looks at
anything, the scanner proves that it finds a planted name in each kind of file. A finding tells a
name's index, never the name.
"""

import gzip
import html
import io
import json
import pickle
import re
import sqlite3
import tempfile
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import duckdb
import polars as pl
import zstandard

from tests.support.decoding import values_of
from transforms.ordinary import is_ordinary

SHORTEST_LONG = 8
CHUNK_BYTES = 16 * 2**20
OVERLAP_BYTES = 4096  # no form of a name is longer
_LEADS = ("@", "u/", "u_", "/")

Kind = Literal["everywhere", "whole value", "written form", "raw bytes"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A name that should not be there: in which file, where in it, and how it was met."""

    path: Path
    where: str
    kind: Kind
    name: int


@dataclass(frozen=True)
class Names:
    """Names that no file may hold: accounts, ids, addresses. Its repr counts them."""

    values: tuple[str, ...] = field(repr=False)
    anywhere: dict[str, int] = field(init=False, repr=False)
    only_written: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folded = {name.lower(): number for number, name in enumerate(self.values) if name.strip()}
        long = {n: i for n, i in folded.items() if len(n) >= SHORTEST_LONG and not is_ordinary(n)}
        object.__setattr__(self, "anywhere", {f: i for n, i in long.items() for f in forms(n)})
        object.__setattr__(self, "only_written", {n: i for n, i in folded.items() if n not in long})


def forms(name: str) -> set[str]:
    """Write a name as JSON, URLs and HTML would."""
    return {
        form.lower()
        for form in (
            name,
            json.dumps(name)[1:-1],
            json.dumps(name)[1:-1].replace("/", "\\/"),
            quote(name, safe=""),
            quote(name),
            quote(name, safe=":/@"),
            html.escape(name),
        )
    }


def scan(paths: Iterable[Path], names: Names) -> list[Finding]:
    """Look for names in files and, recursively, folders; every place and name once.

    Raises:
        AssertionError: the scanner misses a name planted in some kind of file.
    """
    prove()
    return _scan(paths, names)


def files_in(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """List files with the part of their path that the study chose."""
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
            yield from ((file, str(file.relative_to(path))) for file in inside)
        elif path.is_file():
            yield path, path.name


def _scan(paths: Iterable[Path], names: Names) -> list[Finding]:
    found: dict[Finding, None] = {}
    for path, told in files_in(paths):
        parts = {"name of the file": [pl.Series([told])]}
        for where, values in values_of(path):
            parts.setdefault(where, []).append(values)
        for where, some in parts.items():
            met = _meet(pl.concat(some), names)
            found |= dict.fromkeys(Finding(path, where, kind, number) for kind, number in met)
        met_raw = _in_bytes(path, names)
        found |= dict.fromkeys(Finding(path, "bytes", "raw bytes", number) for number in met_raw)
    return list(found)


def _meet(values: pl.Series, names: Names) -> Iterator[tuple[Kind, int]]:
    folded = values.str.to_lowercase()
    for text in _holding(folded, list(names.anywhere)):
        yield from (("everywhere", i) for form, i in names.anywhere.items() if form in text)
    if not names.only_written:
        return
    whole = folded.str.strip_chars().unique().to_list()
    yield from (("whole value", names.only_written[v]) for v in whole if v in names.only_written)
    yield from (("written form", i) for i in _written(folded, names))


def _holding(folded: pl.Series, needles: list[str]) -> list[str]:
    return folded.filter(folded.str.contains_any(needles)).unique().to_list() if needles else []


def _written(folded: pl.Series, names: Names) -> set[int]:
    """Find short names behind @, u/, or at the end of a URL's path."""
    found: set[int] = set()
    needles = [lead + name for name in names.only_written for lead in _LEADS]
    for text in _holding(folded, needles):
        near = {name for name in names.only_written if any(lead + name in text for lead in _LEADS)}
        found |= {names.only_written[name] for name in near if _form_of(name).search(text)}
    return found


@cache
def _form_of(name: str) -> re.Pattern[str]:
    lead = r"@|(?<![a-z0-9])u/|/user/|r/u_|/profile/|://[^\s\"'<>]{1,300}/@?"
    return re.compile(rf"(?:{lead}){re.escape(name)}(?![\w-])")


def _in_bytes(path: Path, names: Names) -> set[int]:
    """Search a file's bytes as they lie on the disk, chunk by chunk."""
    wanted = {
        form.encode(encoding).decode("latin-1"): number
        for form, number in names.anywhere.items()
        for encoding in ("utf-8", "utf-16-le")
    }
    found: set[int] = set()
    with path.open("rb") as file:
        before = b""
        while chunk := file.read(CHUNK_BYTES):
            # bytes above ASCII are no letters here: this folds those of ASCII alone
            folded = (before + chunk).lower().decode("latin-1")
            if _holding(pl.Series([folded]), list(wanted)):
                met = pl.Series([folded]).str.extract_many(list(wanted), overlapping=True)
                found |= {wanted[form] for form in met.explode().unique()}
            found |= _written(pl.Series([folded]), names)
            before = chunk[-OVERLAP_BYTES:]
    return found


PLANTED = Names(("planted_otter_9f4k", "öttér_ünter_7q2x", "fern"))


@cache
def prove() -> None:
    """Plant names in each kind of file and find them all.

    Raises:
        AssertionError: one was missed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for path in plant(Path(scratch)):
            met = {finding.name for finding in _scan([path], PLANTED)}
            assert met == set(range(len(PLANTED.values))), f"the scanner is blind for {path.name}"


def plant(folder: Path) -> Iterator[Path]:
    """Write one file of each kind with the planted names in it; yield each."""
    long, accented, short = PLANTED.values
    values = [f"so says {long.upper()} again", f"{accented} too", short, "moss"] * 50
    lines = "\n".join(json.dumps({"by": value}) for value in values).encode()
    yield from _plant_databases(folder, values)
    frame = pl.DataFrame({"by": values, "many": [[value] for value in values]})
    frame.write_parquet(folder / "planted.parquet", compression="zstd")
    yield folder / "planted.parquet"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.ndjson.gz", gzip.compress(lines))
    written = {
        "planted.ndjson": lines,
        "planted.ndjson.zst": zstandard.ZstdCompressor().compress(lines),
        "planted.gz": gzip.compress(lines),
        "planted.zip": packed.getvalue(),
        "planted.pickle": pickle.dumps(values),
        "planted.csv": "\n".join(f"1,{value}" for value in values).encode(),
        "planted.log": f"u/{short} {quote(accented)} {long}".encode(),
        "planted.utf16": f"{long} {accented}".encode("utf-16-le") + f" @{short}".encode(),
        "planted.json": json.dumps({"result": b64encode(pickle.dumps(values)).decode()}).encode(),
    }
    for name, data in written.items():
        (folder / name).write_bytes(data)
        yield folder / name


def _plant_databases(folder: Path, values: list[str]) -> Iterator[Path]:
    with closing(duckdb.connect(folder / "planted.duckdb")) as database:
        database.execute("create schema hidden")
        database.execute("create table hidden.posts (teller varchar, nested struct(a varchar[]))")
        database.execute(
            "insert into hidden.posts select t, {a: [t]} from (select unnest(?) as t)", [values]
        )
    yield folder / "planted.duckdb"
    with closing(sqlite3.connect(folder / "planted.sqlite")) as database:
        database.execute("create table posts (teller text, packed blob)")
        pack = zstandard.ZstdCompressor().compress
        database.executemany("insert into posts (teller) values (?)", [(v,) for v in values])
        database.executemany(
            "insert into posts (packed) values (?)", [(pack(v.encode()),) for v in values]
        )
        database.commit()
    yield folder / "planted.sqlite"
