"""Which source may run: the approval, permission and ethics records of rules R1, R2 and R5.

A live Reddit source needs an approval of its platform, an archive or export the permission that
its own source records; each of them, and live Bluesky, an ethics record. Loopback platforms need
none: nobody real answers there.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from flows.shredded import refuse_if_shredded
from flows.workspace import Workspace
from schema.errors import PolicyRefused
from schema.sources import FILE_SOURCES, Permission, Source, source_platform
from schema.study import is_loopback
from schema.vocabulary import Platform

LONGEST_APPROVAL = timedelta(days=366)  # R1: twelve months at most
REQUESTS_PER_MINUTE = 100  # R3
REDDIT_URLS = frozenset({"https://www.reddit.com", "https://oauth.reddit.com"})
BROWSERS = ("mozilla", "chrome", "safari", "applewebkit")
EVERYWHERE = "all"  # a search or an account leads to any community: the gate keeps to the covered


def check_permission(workspace: Workspace, source: Source) -> None:
    """Refuse a source whose records are missing, out of date or cover something else.

    Raises:
        PolicyRefused: names source, rule, and what to add to study.toml.
    """
    refuse_if_shredded(workspace.directory)
    platform = source_platform(source)
    if is_invented(workspace, platform):
        return
    check_ethics(workspace, source)
    if isinstance(source, FILE_SOURCES):
        check_record(workspace, source)
    elif platform == "reddit":
        check_approval(workspace, source)
        check_hosts(workspace, source)
        check_user_agent(workspace, source)


def check_ethics(workspace: Workspace, source: Source) -> None:
    """Refuse a source without an ethics record in force (R5)."""
    _check_ethics(workspace, f"source {source.name}")


def check_record(workspace: Workspace, source: Source) -> None:
    """Refuse files whose own permission is empty or has ended (R2)."""
    if isinstance(source, FILE_SOURCES):
        _check_record(source.permission, f"source {source.name}", today=workspace.now().date())


def check_approval(workspace: Workspace, source: Source) -> None:
    """Refuse a live Reddit source that no approval covers (R1)."""
    community = getattr(source, "subreddit", EVERYWHERE)
    covered = None if community == EVERYWHERE else community
    _check_approval(workspace, f"source {source.name}", covered)


def check_hosts(workspace: Workspace, source: Source) -> None:
    """Refuse to read Reddit anywhere but at its own API (R2)."""
    _check_hosts(workspace, f"source {source.name}")


def _check_hosts(workspace: Workspace, place: str) -> None:
    reddit, policy = workspace.study.platforms.reddit, workspace.study.policy
    for key, url in (("url", reddit.url), ("oauth_url", reddit.oauth_url)):
        is_known = url in REDDIT_URLS or (policy.allow_loopback and is_loopback(url))
        if not is_known:
            raise PolicyRefused(
                f"{place}: R2 wants Reddit asked at its own API alone: take "
                f"platforms.reddit.{key} out of study.toml"
            )


def check_user_agent(workspace: Workspace, source: Source) -> None:
    """Refuse to ask Reddit in the guise of a browser (R3)."""
    _check_user_agent(workspace, f"source {source.name}")


def _check_user_agent(workspace: Workspace, place: str) -> None:
    agent = workspace.study.platforms.reddit.user_agent or ""
    if any(word in agent.lower() for word in BROWSERS):
        raise PolicyRefused(
            f"{place}: R3 wants a truthful user agent, and "
            "platforms.reddit.user_agent names a browser: name the study and its notice page"
        )


def check_platform(workspace: Workspace, platform: Platform) -> None:
    """Refuse to ask a live platform about what is held, whatever route it came by.

    Raises:
        PolicyRefused: names platform, rule, and what to add to study.toml.
    """
    refuse_if_shredded(workspace.directory)
    if is_invented(workspace, platform):
        return
    _check_ethics(workspace, platform)
    if platform == "reddit":
        _check_approval(workspace, platform, None)
        _check_hosts(workspace, platform)
        _check_user_agent(workspace, platform)


def is_invented(workspace: Workspace, platform: Platform) -> bool:
    """Tell whether a platform is this machine, so that its posts are nobody's."""
    study = workspace.study
    return study.policy.allow_loopback and study.is_invented(platform)


def ended_permissions(workspace: Workspace) -> Iterator[tuple[str, str | None]]:
    """Name each route, and the source where it has a permission of its own, that has ended.

    The last day is still inside. A study with no record at all holds nothing by it.
    """
    if is_invented(workspace, "reddit"):
        return
    today, study = workspace.now().date(), workspace.study
    approval = study.platforms.reddit.approval
    if approval is not None and approval.expires < today:
        yield "reddit_approved_api", None
    for source in study.source:
        if not isinstance(source, FILE_SOURCES) or source_platform(source) != "reddit":
            continue
        if source.permission.expires < today:
            yield study.route(source.kind), source.name


def _check_ethics(workspace: Workspace, place: str) -> None:
    ethics, today = workspace.study.policy.ethics, workspace.now().date()
    if ethics is None:
        raise PolicyRefused(
            f"{place}: R5 wants an ethics record before anybody's posts are read: add "
            "[policy.ethics] with protocol, impact_assessment, notice_url and expires"
        )
    for key in ("protocol", "impact_assessment", "notice_url"):
        if not getattr(ethics, key).strip(" .…"):
            raise PolicyRefused(f"{place}: R5: [policy.ethics] has no {key}: write it there")
    if ethics.expires < today:
        raise PolicyRefused(
            f"{place}: R5: [policy.ethics] expired on {ethics.expires}: renew the approval "
            "and set its expires"
        )


def _check_approval(workspace: Workspace, place: str, community: str | None) -> None:
    approval, today = workspace.study.platforms.reddit.approval, workspace.now().date()
    section = "[platforms.reddit.approval]"
    if approval is None:
        named = f'communities = ["{community or "…"}"]'
        raise PolicyRefused(
            f"{place}: R1 wants Reddit's approval before its API is asked: add {section} with "
            f"programme, reference, {named}, signed_by (two roles) and expires"
        )
    _check_expiry(approval.expires, f"{place}: R1: {section}", today)
    if approval.expires > today + LONGEST_APPROVAL:
        raise PolicyRefused(
            f"{place}: R1: {section} expires on {approval.expires}, and an approval holds for "
            "twelve months at most: set the date on which it ends"
        )
    if not approval.communities:
        raise PolicyRefused(
            f"{place}: R1: {section} covers no community: write those that are approved into "
            "its communities"
        )
    if community and community.lower() not in {name.lower() for name in approval.communities}:
        raise PolicyRefused(
            f"{place}: R1: {section} does not cover {community}: once it is approved, add "
            f'"{community}" to its communities'
        )


def _check_record(permission: Permission, place: str, *, today: date) -> None:
    for key in ("reference", "covers"):
        if not getattr(permission, key).strip(" .…"):
            raise PolicyRefused(
                f"{place}: R2 wants to know what permits its files: write permission.{key}"
            )
    _check_expiry(permission.expires, f"{place}: R2: its permission", today)


def _check_expiry(expires: date, what: str, today: date) -> None:
    if expires < today:
        raise PolicyRefused(f"{what} expired on {expires}: renew it and set its expires")
