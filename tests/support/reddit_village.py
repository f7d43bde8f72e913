"""A small invented subreddit, made to measure, and the real praw connected to its server."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import praw

from connectors.budget import Budget
from connectors.reddit import RedditCredentials, connect
from demo.faults import Faults
from demo.model import Community, Person, Post, Reach, Venue, Wording
from demo.reddit_server import CLIENT_ID, CLIENT_SECRET, RedditOptions, reddit_app
from demo.serve import serving
from schema.pages import CollectionQuery
from tests.support.budget import fresh_budget

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
VENUE = Venue("QuietPorch", "t5_quiet", "public", 0.5, 1.0, 900, "An invented porch")
WRITER = Person("reddit", "moss-lantern-7731", "t2_moss1", "", NOON - timedelta(days=900))
SECRET = CLIENT_SECRET
REACH = Reach(likes=40, reposts=0, quotes=0, tau_hours=8.0, upvote_ratio=0.9)


def submission(number: int, *, at: datetime, **changes: Any) -> Post:
    """Write the nth submission."""
    name = f"t3_v{number:05d}"
    post = Post(
        platform="reddit",
        kind="submission",
        native_id=name,
        author=WRITER,
        venue=VENUE.name,
        created_at=at,
        root_id=name,
        parent_id=None,
        title=f"Porch note {number}",
        wordings=(Wording(at, f"The boards creaked {number} times today."),),
        values={},
        evidence=(),
        reach=REACH,
    )
    return replace(post, **changes)


def comment(number: int, *, under: Post, at: datetime, **changes: Any) -> Post:
    """Write the nth comment, answering `under`."""
    post = submission(number, at=at)
    return replace(
        post,
        kind="comment",
        native_id=f"t1_w{number:05d}",
        root_id=under.root_id,
        parent_id=under.native_id,
        title=None,
        **changes,
    )


def minutely(count: int, *, until: datetime, first: int = 0) -> list[Post]:
    """Write submissions a minute apart, the last one a minute before `until`."""
    return [
        submission(first + number, at=until - timedelta(minutes=count - number))
        for number in range(count)
    ]


@dataclass(slots=True)
class Village:
    """The server's levers: its clock, its faults; and a client of it."""

    url: str
    faults: Faults
    now: datetime
    budget: Budget
    skew: timedelta = timedelta()  # of the server's clock against ours

    @property
    def requests_count(self) -> int:
        """How many requests came in, those for a token aside."""
        return self.faults.requests_count - self.faults.requests["/api/v1/access_token"]

    def client(self, *, secret: str = SECRET, url: str | None = None) -> praw.Reddit:
        """Connect the real client."""
        base = url or self.url
        credentials = RedditCredentials(CLIENT_ID, secret, "confide (tests)", base, base)
        return connect(credentials, self.budget)

    def query(self, **changes: Any) -> CollectionQuery:
        """Ask for the venue as of the server's clock, back to a month ago."""
        query = CollectionQuery(
            source="porch",
            stream="porch",
            venue=VENUE.name,
            since=self.now - timedelta(days=30),
            now=self.now,
        )
        return replace(query, **changes)


@contextmanager
def village(
    posts: Sequence[Post],
    *,
    venue: Venue = VENUE,
    more_venues: Sequence[Venue] = (),
    people: Sequence[Person] = (WRITER,),
    options: RedditOptions | None = None,
) -> Iterator[Village]:
    """Serve posts on loopback, in Reddit's wire format."""
    community = Community(
        seed=1,
        since=NOON - timedelta(days=60),
        until=NOON + timedelta(days=60),
        people=tuple(people),
        venues=(venue, *more_venues),
        posts=tuple(posts),
        duplicates=(),
        blocks=(),
        likes=(),
        reposts=(),
        effects={},
        strings=(),
    )
    place = Village("", Faults(), NOON, fresh_budget())
    app = reddit_app(community, lambda: place.now + place.skew, place.faults, options)
    with serving(app) as url:
        place.url = url
        yield place
