"""Rules H: the audit log and the drills."""

from datetime import timedelta

from flows.permission import is_invented
from flows.rules import Evidence, Outcome, failed, inapplicable, judged, passed
from schema.sources import source_platform
from warehouse import store

DRILL_DAYS = 35
DRILL = "drill"  # the act's name in the audit log


def chain(evidence: Evidence) -> Outcome:
    """R29: every line of the log carries its own hash and that of the line before."""
    return judged(
        {
            "lines of the audit log were changed": store.count_offending(
                evidence.rows, "audit_chain"
            )
        },
        "the audit log's chain is whole",
        "or its end was cut off: restore the warehouse from where it was whole",
    )


def drills(evidence: Evidence) -> Outcome:
    """R30: a drill was run within 35 days, and all of it went well."""
    if all(is_invented(evidence.workspace, source_platform(s)) for s in evidence.sources()):
        return inapplicable("no source reads a real platform: nobody real is to be forgotten")
    last = store.last_act(evidence.rows, DRILL)
    if last is None:
        return failed("no drill was ever run: run `confide check --drill`")
    at, counts = last
    if at < evidence.workspace.now() - timedelta(days=DRILL_DAYS):
        return failed(f"the last drill was on {at:%Y-%m-%d}: run `confide check --drill`")
    if counts.get("failed_count") != 0:
        return failed("the last drill failed: mend what it named, run `confide check --drill`")
    return passed(f"the last drill, on {at:%Y-%m-%d}, went well")
