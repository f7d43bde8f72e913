"""Which source may run: the approval, permission and ethics records of rules R1, R2 and R5.

A live Reddit source needs an approval of its platform, an archive or export the permission that
its own source records; each of them, and live Bluesky, an ethics record. Loopback platforms need
none: nobody real answers there.
"""

from datetime import date, timedelta

from flows.shredded import refuse_if_shredded
from flows.workspace import Workspace
from schema.errors import PolicyRefused
from schema.study import (
    FILE_SOURCES,
    Permission,
    Source,
    source_platform,
)
from schema.vocabulary import Platform

LONGEST_APPROVAL = timedelta(days=366)  # R1: twelve months at most
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
    place = f"source {source.name}"
    _check_ethics(workspace, place)
    if isinstance(source, FILE_SOURCES):
        _check_record(source.permission, place, today=workspace.now().date())
    elif platform == "reddit":
        community = getattr(source, "subreddit", EVERYWHERE)
        _check_approval(workspace, place, None if community == EVERYWHERE else community)


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


def is_invented(workspace: Workspace, platform: Platform) -> bool:
    """Tell whether a platform is this machine, so that its posts are nobody's."""
    study = workspace.study
    return study.policy.allow_loopback and study.is_invented(platform)


def _check_ethics(workspace: Workspace, place: str) -> None:
    ethics, today = workspace.study.policy.ethics, workspace.now().date()
    if ethics is None:
        raise PolicyRefused(
            f"{place}: R5 wants an ethics record before anybody's posts are read: add "
            "[policy.ethics] with protocol, impact_assessment, notice_url and expires"
        )
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
