"""What of the community stands at an instant. Pure; every function takes `now`."""

import math
from datetime import datetime
from typing import NamedTuple

from demo.model import AccountStatus, Community, Gone, Person, Post, Wording


class Counts(NamedTuple):
    """A post's engagement at an instant; on Reddit `likes` is the score."""

    likes: int
    replies: int
    reposts: int
    quotes: int
    crossposts: int


def status(person: Person, now: datetime) -> AccountStatus:
    """Give an account's status."""
    current: AccountStatus = "active"
    for change in person.changes:
        if change.at <= now:
            current = change.status
    return current


def handle(person: Person, now: datetime) -> str:
    """Give the name an account goes by."""
    if person.former_name and person.renamed_at and now < person.renamed_at:
        return person.former_name
    return person.name


def wording(post: Post, now: datetime) -> Wording:
    """Give the text that stands; the first one before any edit."""
    return [
        version for version in post.wordings if version.at <= now or version.at == post.created_at
    ][-1]


def end(post: Post, now: datetime) -> Gone | None:
    """Say how a post went, when it has gone."""
    return post.gone if post.gone is not None and post.gone.at <= now else None


def exists(post: Post, now: datetime) -> bool:
    """Whether it was written yet."""
    return post.created_at <= now


def is_public(post: Post, now: datetime) -> bool:
    """Whether everybody can read it: written, not gone, and its account stands.

    On Reddit a post outlives its account.
    """
    if not exists(post, now) or end(post, now):
        return False
    return post.platform == "reddit" or status(post.author, now) == "active"


def counts(community: Community, post: Post, now: datetime) -> Counts:
    """Count what a post has drawn: saturating curves, and the answers that stand."""
    grown = 1 - math.exp(-_age_hours(post, now) / post.reach.tau_hours)
    quoting = [quote for quote in community.quotes.get(post.native_id, ()) if is_public(quote, now)]
    crossposts = [
        copy for copy in community.crossposts.get(post.native_id, ()) if is_public(copy, now)
    ]
    start = 1 if post.platform == "reddit" else 0
    return Counts(
        likes=start + int(post.reach.likes * grown),
        replies=_answers(community, post, now),
        reposts=int(post.reach.reposts * grown),
        quotes=int(post.reach.quotes * grown) + len(quoting),
        crossposts=len(crossposts),
    )


def _age_hours(post: Post, now: datetime) -> float:
    return max(0.0, (now - post.created_at).total_seconds() / 3_600)


def _answers(community: Community, post: Post, now: datetime) -> int:
    """Count answers: on Reddit the whole tree under a submission, on Bluesky the direct ones."""
    direct = community.answers.get(post.native_id, ())
    total = sum(is_public(answer, now) for answer in direct)
    if post.platform == "reddit":
        total += sum(_answers(community, answer, now) for answer in direct)
    return total
