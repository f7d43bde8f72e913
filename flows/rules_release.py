"""Rules G: the gate of a release. The verb does not exist yet; what can be looked at today is."""

from flows.permission import is_invented
from flows.rules import NO_RELEASE, Evidence, Outcome, failed, inapplicable, judged
from schema.sources import RedditExportSource, source_platform
from warehouse import store


def one_file(evidence: Evidence) -> Outcome:
    """R24: beside the team's file nothing lies in the folder that is meant to be read."""
    published = evidence.workspace.published
    strays = [p for p in published.parent.iterdir()] if published.parent.is_dir() else []
    others = [p for p in strays if p.name != published.name]
    if others:
        return failed(
            f"{len(others)} files beside {published.name} in {published.parent.name} follow no "
            "removal: delete them"
        )
    return inapplicable(NO_RELEASE)


def large_cells(evidence: Evidence) -> Outcome:
    """R25: no stored cell counts fewer than the rule allows; a publication shows fewer still."""
    smallest, minimum = store.SMALLEST_CELL, evidence.workspace.study.policy.minimum_cell
    return judged(
        {
            f"cells of persistence_tally are under {smallest}": store.count_small_cells(
                evidence.rows
            )
        },
        f"no stored cell is under {smallest}, and no published one under {max(smallest, minimum)}; "
        "cells of a release will be checked by its verb",
        "delete them, or merge them into larger ones",
    )


def no_quotes(evidence: Evidence) -> Outcome:
    """R26: nobody but its authors can look at a paper."""
    return inapplicable(
        f"{NO_RELEASE}, and no code reads a paper: quote nothing, invent or paraphrase examples"
    )


def signed_off(evidence: Evidence) -> Outcome:
    """R27: two people sign a release."""
    if _is_all_invented(evidence):
        return inapplicable("no source reads a real platform: there is nothing to sign off")
    return inapplicable(f"{NO_RELEASE}, nor be signed by two people")


def preprint(evidence: Evidence) -> Outcome:
    """R28: a preprint goes to Reddit first where its research data were used."""
    if not any(isinstance(s, RedditExportSource) for s in evidence.sources()):
        return inapplicable("the study has no source of Reddit for Researchers")
    if _is_all_invented(evidence):
        return inapplicable("no source reads a real platform")
    return inapplicable(
        "no code can know whether Reddit has the preprint: deposit it before you publish, and "
        "keep the receipt with the approval"
    )


def _is_all_invented(evidence: Evidence) -> bool:
    return all(
        is_invented(evidence.workspace, source_platform(source)) for source in evidence.sources()
    )
