"""`confide agree`: how far a round's coders agree, code by code and part by part."""

import polars as pl
from prefect import flow, task

from annotation.agreement import agreement
from annotation.agreement_parts import agreement_parts
from annotation.codebook import load_codebook
from annotation.inclusion import SamplingPlan
from annotation.sampling import drawn_at_random
from flows.drawn import check_drawn
from flows.guard import guarded
from flows.workspace import open_workspace
from schema.vocabulary import UnitKind
from warehouse import store

RANDOM, ENRICHED = "random", "enriched"


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
        arms = unit_arms(warehouse, wave, round_)
    measured = agreement(coded.codings, codebook, spans=coded.spans, seed=seed)
    codings = coded.codings.join(arms, on="unit", how="left", maintain_order="left")
    codings = codings.with_columns(pl.col("arm").fill_null(RANDOM))
    parts = agreement_parts(
        codings, codebook, repeats=coded.repeats, sentinels=coded.sentinels, seed=seed
    )
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


def unit_arms(warehouse: store.Warehouse, wave: str, round_: str) -> pl.DataFrame:
    """Tell which units came in by a word list alone: `unit`, its kind and key, and `arm`.

    Only roots have such arms; a reply and a thread are their root's. Told from the plan and the
    frame that were stored; where posts of the frame were removed since, an arm may read otherwise.
    """
    drawn = {kind for of, one, kind in store.drawn_rounds(warehouse) if (of, one) == (wave, round_)}
    none = pl.DataFrame(schema={"unit": pl.String, "arm": pl.String})
    if "root" not in drawn:
        return none
    stated = store.read_plan(warehouse, wave, round_, "root")
    plan = SamplingPlan(
        **{**stated, "strata": tuple(stated["strata"]), "lists": tuple(stated["lists"])}
    )
    frame = store.read_frame(warehouse, wave, round_, "root")
    if not plan.arms or frame.is_empty():
        return none
    random = drawn_at_random(frame, plan).implode()
    kinds: tuple[UnitKind, ...] = ("root", "reply", "thread")
    frames = [
        store.read_frame(warehouse, wave, round_, kind).select(
            pl.format(f"{kind} {{}}", "unit_key").alias("unit"),
            root=pl.col("thread_key") if kind == "reply" else pl.col("unit_key"),
        )
        for kind in kinds
        if kind in drawn
    ]
    arm = pl.when(pl.col("root").is_in(random)).then(pl.lit(RANDOM)).otherwise(pl.lit(ENRICHED))
    return pl.concat(frames).select("unit", arm=arm)
