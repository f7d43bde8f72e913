"""`confide agree`: how far a round's coders agree, code by code and part by part."""

import polars as pl
from prefect import flow, task

from annotation.agreement import agreement
from annotation.agreement_parts import agreement_parts
from annotation.codebook import load_codebook
from flows.drawn import check_drawn
from flows.guard import guarded
from flows.workspace import open_workspace
from warehouse import store

RANDOM = "random"


@flow(name="agree", log_prints=False, persist_result=False)
@guarded
def measure_agreement(wave: str, round_: str) -> dict[str, int]:
    """Measure each code's agreement in a round."""
    return agree_task(wave, round_)


@task(name="agree", persist_result=False)
@guarded
def agree_task(wave: str, round_: str) -> dict[str, int]:
    """Measure agreement over the round's codings, with a seeded bootstrap, and keep it."""
    workspace = open_workspace()
    check_drawn(workspace, wave, round_)
    codebook, seed = load_codebook(workspace.codebook), workspace.study.sampling.seed
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        coded = store.read_coded_round(warehouse, wave, round_, codebook.version)
    measured = agreement(coded.codings, codebook, spans=coded.spans, seed=seed)
    codings = coded.codings.with_columns(arm=pl.lit(RANDOM))
    parts = agreement_parts(codings, codebook, repeats=coded.repeats, seed=seed)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.save_agreement(
            warehouse,
            measured,
            parts=parts,
            wave=wave,
            round_=round_,
            now=workspace.now(),
            codebook_version=codebook.version,
        )
    met = measured.filter(measured["is_floor_met"].fill_null(value=False)).height
    drifting = int(parts["is_drifting"].sum())
    return {"codes_measured": measured.height, "floors_met": met, "drifting": drifting}
