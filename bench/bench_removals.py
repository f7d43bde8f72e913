"""What a removal costs from end to end: vault, rows, the file's bytes, the published file.

`python -m bench.bench_removals [STORED …]` prints seconds for an account of ten posts, as the first
removal since the study was filled and as the next one, for one post, and for 10,000 posts at once,
in studies of these sizes (10,000 100,000 1,000,000 where none is given). Label Studio is left out:
it costs what its tasks cost. Bars, at a million: 5 s and 120 s.
"""

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TypeVar

import polars as pl

from bench.invented_posts import NOW, invented, save
from connectors.vault import VaultEntry, open_vault
from flows.new_study import write_key
from flows.publish import renew
from flows.removing import OPTED_OUT, remove
from flows.workspace import Workspace, key_file, open_workspace
from schema.removals import CollectedRemoval
from transforms.pseudonymize import author_pseudonyms, post_keys
from warehouse import store

SIZES = (10_000, 100_000, 1_000_000)
MANY = 10_000
CHUNK = 100_000
STUDY = '[study]\nname = "bench"\nsince = 2025-01-01\n[policy]\nallow_loopback = true\n'
PER_AUTHOR = 10
Result = TypeVar("Result")
STAMP = store.SaveStamp("bench", "bench", "bench", "synthetic")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of each step of a removal."""

    rows: float
    rewriting: float
    publishing: float
    processor: float

    def __str__(self) -> str:
        """Write the steps, their sum, and how much of it was computing."""
        total = self.rows + self.rewriting + self.publishing
        return (
            f"{total:7.2f} s (vault and rows {self.rows:.2f}, bytes {self.rewriting:.2f}, "
            f"published file {self.publishing:.2f}; {self.processor:.2f} s of CPU)"
        )


def native_id(number: int) -> str:
    """Name the nth invented post."""
    return f"t3_b{number:08d}"


def account(number: int) -> str:
    """Name who wrote the nth invented post."""
    return f"invented-{number // PER_AUTHOR}"


def fill(workspace: Workspace, stored: int) -> None:
    """Store posts and what leads back to them, by chunks."""
    key = workspace.key.pseudonym_key("reddit")
    for first in range(0, stored, CHUNK):
        numbers = range(first, min(stored, first + CHUNK))
        names = [native_id(n) for n in numbers]
        keys = post_keys("reddit", names, key=key)
        authors = author_pseudonyms("reddit", [account(n) for n in numbers], key=key)
        posts, counts = invented(first, keys, authors)
        entries = [
            VaultEntry("reddit", name, post_key, "bench", NOW + timedelta(hours=24))
            for name, post_key in zip(names, keys, strict=True)
        ]
        with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
            vault.remember(entries)
        with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
            save(warehouse, posts, counts, STAMP)


def made_study(root: Path) -> Workspace:
    """Make a study, and its key, in an empty folder."""
    os.environ |= {"XDG_CONFIG_HOME": str(root), "CONFIDE_NOW": NOW.isoformat()}
    folder = root / "study"
    folder.mkdir()
    (folder / "study.toml").write_text(STUDY, "utf-8")
    write_key(key_file("bench"), bytes(range(32)))
    return open_workspace(folder)


def removal(posts: list[str], authors: list[str]) -> pl.DataFrame:
    """Ask for posts and accounts to go."""
    return pl.DataFrame(
        {
            "native_id": [*posts, *(None for _ in authors)],
            "author": [*(None for _ in posts), *authors],
        },
        schema={"native_id": pl.String, "author": pl.String},
    ).with_columns(platform=pl.lit("reddit"), reason=pl.lit(OPTED_OUT), observed_at=pl.lit(NOW))


def measure(workspace: Workspace, asked: pl.DataFrame, expected: int) -> Cost:
    """Remove as the flows do, and time each step."""
    removals = CollectedRemoval.validate(asked, cast=True)
    began = process_time()
    removed, rows = timed(lambda: remove(workspace, "reddit", removals))
    assert removed == expected, removed
    was_due, rewriting = timed(lambda: store.compact(workspace.warehouse, now=NOW))
    is_renewed, publishing = timed(lambda: renew(workspace))
    assert was_due
    assert is_renewed
    return Cost(rows, rewriting, publishing, process_time() - began)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what work returns, and the seconds it took."""
    began = perf_counter()
    result = work()
    return result, perf_counter() - began


def main(arguments: list[str]) -> None:
    """Print four lines a size."""
    for stored in map(int, arguments) if arguments else SIZES:
        with ExitStack() as stack:
            root = Path(stack.enter_context(TemporaryDirectory()))
            workspace = made_study(root)
            fill(workspace, stored)
            store.publish(workspace.warehouse, workspace.published, now=NOW)
            told = f"{stored:>10,} stored,"
            first = measure(workspace, removal([], [account(0)]), PER_AUTHOR)
            print(f"{told} first, one account: {first}", flush=True)
            one = measure(workspace, removal([], [account(PER_AUTHOR)]), PER_AUTHOR)
            print(f"{told} next, one account: {one}", flush=True)
            post = measure(workspace, removal([native_id(stored // 2 - 1)], []), 1)
            print(f"{told} one post: {post}", flush=True)
            many = min(MANY, stored // 2)
            ids = [native_id(stored - 1 - n) for n in range(many)]
            cost = measure(workspace, removal(ids, []), many)
            print(f"{told} {many:,} posts: {cost}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
