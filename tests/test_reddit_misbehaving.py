"""Reddit misbehaving at random: nothing lost, nothing twice, never more asked than allowed.

The real praw, the flows' own tasks and a real warehouse over the demo's server, which answers
badly by a seed: 429 with and without a time, server errors, cut and foreign bodies, cut lines,
wrong rate headers, tokens that stop working, pages that show items again, posts that vanish while
a listing is read, and a clock that is off by up to nine minutes. A pass that fails is run again.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from demo.faults import Ask, Fault
from demo.history import is_public
from demo.model import Gone, Post
from demo.reddit_server import RedditOptions
from schema.errors import SourceUnavailable
from tests.support.command import PORCH
from tests.support.passes import Passes, passes
from tests.support.reddit_village import NOON, Village, comment, submission, village

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TRIES: Final = 90  # of one pass; each try meets other faults
FAULTS_UNTIL: Final = 120  # requests; later ones are answered well, so a seed comes to an end
SHARE: Final = 0.2
BUDGET: Final = 1_000
# praw's client itself waits a second or three before it repeats these: one a seed
SLOW: Final = (Fault("status", status=503), Fault("reset"))
QUICK: Final = (
    Fault("status", status=429, retry_after="0.02"),
    Fault("status", status=521),
    Fault("status", status=530),
    Fault("truncated"),
    Fault("not_json"),
    Fault("headers", headers={"x-ratelimit-remaining": "plenty"}),
    Fault("headers", headers={"x-ratelimit-used": None}),
    Fault("headers", headers={"x-ratelimit-reset": "soon"}),
)


def invented(chance: random.Random, passes_at: Sequence[datetime]) -> list[Post]:
    """Write 150 submissions over seven hours and talk under three of them; a tenth will go.

    At each pass the post at the end of the first page goes within a second, between two requests.
    """
    posts = [
        submission(n, at=NOON + timedelta(seconds=chance.randint(-5 * 3_600, 2 * 3_600)))
        for n in range(150)
    ]
    talked_about = chance.sample(posts, 3)
    for number in range(24):
        parent = chance.choice(talked_about)
        at = parent.created_at + timedelta(seconds=chance.randint(1, 4 * 3_600))
        talked_about.append(comment(number, under=parent, at=at))
    everything = [*posts, *talked_about[3:]]
    for place in chance.sample(range(len(everything)), len(everything) // 10):
        fate = chance.choice(("deleted_by_author", "removed_by_moderator", "not_found"))
        at = NOON + timedelta(seconds=chance.randint(0, 4 * 3_600))
        everything[place] = replace(everything[place], gone=Gone(at, fate))
    for at in passes_at:
        listed = [post for post in everything if post.is_root and is_public(post, at)]
        listed.sort(key=lambda post: (post.created_at, post.native_id), reverse=True)
        for anchor in listed[100 - chance.randint(1, 4) : 100]:
            gone = Gone(at + timedelta(seconds=chance.random()), "deleted_by_author")
            everything[everything.index(anchor)] = replace(anchor, gone=gone)
    return everything


def misbehave(place: Village, chance: random.Random) -> None:
    """Arm the server for its first requests."""
    for number in range(2, FAULTS_UNTIL):
        if chance.random() < SHARE:
            place.faults.arm(chance.choice(QUICK), nth=number)
    place.faults.arm(chance.choice(SLOW), nth=chance.randint(2, 20))
    place.faults.repeats.extend(chance.choice((0, 0, 3, 40)) for _ in range(FAULTS_UNTIL))

    def stir(ask: Ask) -> None:
        place.now += timedelta(seconds=chance.random())
        if ask.number < FAULTS_UNTIL and chance.random() < 0.03:
            place.faults.revoke_tokens()

    place.faults.on_request = stir


def until_it_succeeds(work: Passes, place: Village, *, refresh: bool = False) -> None:
    """Run a pass until it ends well; whatever else than a busy platform is told fails."""
    for _ in range(TRIES):
        try:
            _ = work.refresh() if refresh else work.collect()
        except SourceUnavailable:
            continue
        return
    pytest.fail(f"no try of {TRIES} succeeded, after {place.requests_count} requests")


def outlive(seed: int, folder: Path) -> None:
    """Collect, again after an hour, look again after a day, and compare with the server."""
    chance = random.Random(seed)
    skew = chance.uniform(-9, 9) * MINUTE
    hours = [NOON, NOON + HOUR]
    posts = invented(chance, [hour + skew for hour in hours])
    options = RedditOptions(
        tree_limit=8, requests_per_window=BUDGET, keeps_removed=chance.random() < 0.5
    )
    with village(posts, options=options) as place:
        misbehave(place, chance)
        place.skew = skew
        work = passes(folder, reddit=place.url, now=NOON, sources=PORCH)
        for hour in hours:
            work.now = place.now = hour
            until_it_succeeds(work, place)
            span = (hour + skew, place.now + skew)  # what is made while a pass reads comes next
            shown = [p.native_id for p in posts if p.is_root and all(is_public(p, t) for t in span)]
            assert work.keys(shown) <= set(work.held())
        work.now = place.now = NOON + 30 * HOUR
        until_it_succeeds(work, place, refresh=True)
        until_it_succeeds(work, place)
        held = work.held()
        standing = {post.native_id: post for post in posts if is_public(post, place.now)}
        reachable = [name for name, post in standing.items() if post.root_id in standing]
        public = list(standing)  # what stands under a root that went is reached by nobody
        assert len(held) == len(set(held))
        assert work.keys(reachable) <= set(held) <= work.keys(public)
        assert work.sql("select * from coverage where kind = 'gap'").is_empty()
        assert place.faults.over_budget == 0
        assert place.faults.requests_count <= BUDGET


@pytest.mark.parametrize("seed", range(10))
def test_a_misbehaving_reddit_loses_and_doubles_nothing(seed: int, tmp_path: Path) -> None:
    outlive(seed, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 200))
def test_a_misbehaving_reddit_loses_and_doubles_nothing_at_length(
    seed: int, tmp_path: Path
) -> None:
    outlive(seed, tmp_path)
