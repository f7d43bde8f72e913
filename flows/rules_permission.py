"""Rules A: permission before collection."""

from collections.abc import Callable, Iterable

from flows import permission
from flows.rules import Evidence, Outcome, failed, inapplicable, judged, passed
from flows.workspace import BUDGET_MINUTES, Workspace
from schema.errors import PolicyRefused
from schema.sources import FILE_SOURCES, Source, source_platform
from warehouse import store


def approval(evidence: Evidence) -> Outcome:
    """R1: each live Reddit source has an approval that covers it and has not ended."""
    workspace = evidence.workspace
    live = [s for s in evidence.sources("reddit") if not isinstance(s, FILE_SOURCES)]
    if not live:
        return inapplicable("no source asks Reddit")
    if permission.is_invented(workspace, "reddit"):
        return inapplicable("its Reddit is this machine: nobody real answers there")
    told = _refusals(workspace, live, permission.check_approval)
    return failed("; ".join(told)) if told else passed("an approval covers each Reddit source")


def routes(evidence: Evidence) -> Outcome:
    """R2: files have a record, Reddit is asked at its API alone, rows came by known routes."""
    workspace = evidence.workspace
    files = [
        source
        for source in evidence.sources()
        if isinstance(source, FILE_SOURCES)
        and not permission.is_invented(workspace, source_platform(source))
    ]
    told = _refusals(workspace, files, permission.check_record)
    told += _refusals(workspace, evidence.sources("reddit")[:1], permission.check_hosts)
    if evidence.problems.get("warehouse"):
        told.append(evidence.problems["warehouse"])
    if evidence.warehouse is not None:
        offending = store.count_offending(evidence.rows, "routes_approved")
        if offending:
            told.append(
                f"{offending} rows came by no approved route, or test data were drawn: "
                "find out what wrote them, and remove them"
            )
    return failed("; ".join(told)) if told else passed("every route is an approved one")


def asking(evidence: Evidence) -> Outcome:
    """R3: Reddit is asked under a truthful name, at the rate it allows."""
    live = [s for s in evidence.sources("reddit") if not isinstance(s, FILE_SOURCES)]
    if not live:
        return inapplicable("no source asks Reddit")
    told = _refusals(evidence.workspace, live[:1], permission.check_user_agent)
    budget = evidence.workspace.reddit_budget()
    if budget.limit > permission.REQUESTS_PER_MINUTE * BUDGET_MINUTES:
        told.append("more than 100 requests a minute: lower requests_per_minute")
    rate = f"{budget.limit} requests in {BUDGET_MINUTES} minutes at most, with OAuth"
    return failed("; ".join(told)) if told else passed(rate)


def denylist(evidence: Evidence) -> Outcome:
    """R4: nothing of an excluded community, and nothing adult, is held."""
    policy = evidence.workspace.study.policy
    excluded = policy.excluded_communities
    offending = {
        "posts of excluded communities": store.count_excluded(evidence.rows, excluded),
        "posts marked adult": 0 if policy.nsfw else store.count_adult(evidence.rows),
    }
    return judged(
        offending,
        f"nothing of {', '.join(excluded) or 'an excluded community'}, nothing adult, is held",
        "policy leaves them out: run `confide refresh`, which removes them",
    )


def ethics(evidence: Evidence) -> Outcome:
    """R5: an ethics record is there, filled in and in force."""
    workspace = evidence.workspace
    real = [
        source
        for source in evidence.sources()
        if not permission.is_invented(workspace, source_platform(source))
    ]
    if not real:
        return inapplicable("no source reads a real platform")
    told = _refusals(workspace, real[:1], permission.check_ethics)
    return failed("; ".join(told)) if told else passed("the ethics record is there and in force")


def _refusals(
    workspace: Workspace, sources: Iterable[Source], check: Callable[[Workspace, Source], None]
) -> list[str]:
    """Say why a check refuses sources, each reason once."""
    told: dict[str, None] = {}
    for source in sources:
        try:
            check(workspace, source)
        except PolicyRefused as error:
            told[str(error)] = None
    return list(told)
