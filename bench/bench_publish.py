"""What publishing costs, against DuckDB's own copy of the same data.

`python -m bench.bench_publish [STORED …]` prints seconds of CPU of a publishing, of `copy from
database` of what was published (both on one thread), and their ratio. Bar: 2.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import duckdb

from bench.bench_removals import SIZES, fill, made_study
from bench.invented_posts import NOW
from warehouse import store


def copy(source: Path, target: Path) -> float:
    """Copy a DuckDB file by DuckDB; return the seconds of CPU."""
    began = process_time()
    connection = duckdb.connect(str(target), config={"threads": 1})
    connection.execute(f"attach '{source}' as old (read_only)")
    connection.execute(f"copy from database old to {target.stem}")
    connection.close()
    return process_time() - began


def main(arguments: list[str]) -> None:
    """Print a line a size."""
    for stored in map(int, arguments) if arguments else SIZES:
        with ExitStack() as stack:
            root = Path(stack.enter_context(TemporaryDirectory()))
            workspace = made_study(root)
            fill(workspace, stored)
            began = process_time()
            store.publish(workspace.warehouse, workspace.published, now=NOW)
            publishing = process_time() - began
            copying = copy(workspace.published, root / "copied.duckdb")
            megabytes = os.path.getsize(workspace.published) / 1e6
            print(
                f"{stored:>10,} posts, {megabytes:.0f} MB: {publishing:.2f} s, copying "
                f"{copying:.2f} s, ratio {publishing / copying:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
