"""A flow that says where it runs; it loads nothing itself."""

import os
import sys
from pathlib import Path

from prefect import flow


@flow(persist_result=False)
def told(folder: str) -> None:
    """Write this process, its parent, what it found loaded, and a sum by all of Polars' threads."""
    is_loaded = "atproto" in sys.modules
    import polars as pl  # noqa: PLC0415  no process but the run's may have its threads

    numbers = pl.DataFrame({"group": [n % 7 for n in range(1_000_000)], "n": range(1_000_000)})
    total = numbers.lazy().group_by("group").agg(pl.col("n").sum()).sort("n").collect()["n"].sum()
    with (Path(folder) / "told").open("a", encoding="utf-8") as file:
        print(os.getpid(), os.getppid(), is_loaded, total, file=file)
