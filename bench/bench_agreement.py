"""How long agreement takes: every code of the codebook, whole and part by part.

    PYTHONPATH=. python -m bench.bench_agreement [--units 2000] [--coders 3] [--draws 1000]

Codings are invented: of each code every coder gives every unit a value, straying from a planted
one in a tenth of the cases. Printed: processor seconds for the table of codes with their bootstrap
intervals, and for the table that takes them apart (by arm, pair, week, drift and sets of codes;
most of it goes into the sets, of which nearly every one of the 6,000 is another).
"""

import argparse
from datetime import date
from time import process_time

import numpy as np
import polars as pl

from annotation.agreement import agreement
from annotation.agreement_parts import agreement_parts
from annotation.codebook import load_codebook
from schema.codebook import Codebook

STRAYS = 0.1
WEEKS = 4
MONDAY = date(2026, 3, 2)


def invented(codebook: Codebook, units: int, coders: int) -> pl.DataFrame:
    """Invent codings of every code: unit, unit_kind, coder, code, value, arm, week."""
    generator = np.random.default_rng(1)
    frames = []
    for code in codebook.codes:
        top = len(code.scale.values)
        share = generator.uniform(0.05, 0.4)
        truth = (generator.random(units) < share) * generator.integers(1, top, size=units)
        for coder in range(coders):
            strays = generator.random(units) < STRAYS
            values = np.where(strays, generator.integers(0, top, size=units), truth)
            frames.append(
                pl.DataFrame({"unit": np.arange(units), "value": values}).with_columns(
                    coder=pl.lit(f"c{coder}"), code=pl.lit(code.id)
                )
            )
    return pl.concat(frames).with_columns(
        unit_kind=pl.lit("root"),
        arm=pl.when(pl.col("unit") % 2 == 0).then(pl.lit("random")).otherwise(pl.lit("enriched")),
        week=pl.lit(MONDAY) + pl.duration(weeks=pl.col("unit") % WEEKS),
    )


def main() -> None:
    """Invent, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("units", 2000), ("coders", 3), ("draws", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    codebook = load_codebook()
    codings = invented(codebook, given.units, given.coders)
    began = process_time()
    table = agreement(codings, codebook, seed=1, draws=given.draws)
    whole = process_time() - began
    repeats = codings.select("unit", "coder", "code", "value", take=pl.lit("1")).clear()
    began = process_time()
    parts = agreement_parts(codings, codebook, repeats=repeats, seed=1, draws=given.draws)
    apart = process_time() - began
    print(
        f"{table.height} codes x {given.units} units x {given.coders} coders, {given.draws} draws: "
        f"{whole:.1f} s; taken apart into {parts.height} rows: {apart:.1f} s"
    )


if __name__ == "__main__":
    main()
