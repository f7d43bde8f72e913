"""Twenty sources of both platforms over the invented community, on a clock that runs.

Who writes on either platform is named by some source, so that what a study holds in the end does
not hang on which source saw a post first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.crowd import Size
from demo.faults import Faults
from demo.model import Community, Person
from demo.reddit_server import CLIENT_ID, CLIENT_SECRET, RedditOptions, reddit_app
from demo.serve import serving
from flows.clock import Clock
from flows.new_study import write_key
from flows.workspace import REDDIT_VARIABLES
from schema.vocabulary import Platform
from tests.support.command import KEY, Place
from tests.support.ports import free_port
from tests.support.study import DemoStudy

SEED: Final = 29
SIZE: Final = Size(
    people=60, submissions=600, comments=2_400, bluesky_posts=600, bluesky_replies=1_200
)
SPEED: Final = 60
SINCE: Final = datetime(2026, 2, 3, tzinfo=UTC)
START: Final = datetime(2026, 2, 5, 12, tzinfo=UTC)
SETTLED: Final = timedelta(days=3)  # every post is looked at again within two
EVERY: Final = "4m"  # four hours of the clock
NAME: Final = "soak"
VENUES: Final = ("HeavyPockets", "SmallHours", "DeskPlants")
WORDS: Final = ("tired", "help", "work")
REDDITORS_IN, SKYFOLK_IN = 3, 9  # sources that name them all
STUDY: Final = """[study]
name = "{name}"
since = {since}
languages = ["en"]

[policy]
allow_loopback = true
minimum_age_days = 0
reasons = {{ minimum_age_days = "invented people, a rehearsal of an hour" }}

[platforms.reddit]
url = "{reddit}"
oauth_url = "{reddit}"
user_agent = "confide (a rehearsal; nobody real is asked)"

[platforms.bluesky]
appview = "{bluesky}"
pds = "{bluesky}"
jetstream = ["{jetstream}"]

[label_studio]
url = "http://127.0.0.1:{label_studio}"

{sources}
[sampling]
seed = 20260105
roots = 8
replies = 8
timelines = 0
community_weeks = 0
community_minimum = 6
minimum_probability = 0.001
per_author = 3

[coding]
coders = ["simulated-1", "simulated-2", "simulated-3"]
paced = false
"""
STREAM: Final = """[[source]]
name = "words"
kind = "bluesky_stream"
keywords = ["tired", "alone", "anyone", "help", "work", "night", "today", "again", "feel"]
"""


@dataclass(slots=True)
class Servers:
    """What both platforms' servers answer as of, and how they are spoilt."""

    clock: Clock
    reddit: Faults
    bluesky: Faults

    def now(self) -> datetime:
        """Tell the time as the servers know it."""
        return self.clock.now()


def soak_community() -> Community:
    """Invent the people."""
    return invent(SEED, size=SIZE)


@contextmanager
def serving_soak(community: Community, clock: Clock) -> Iterator[tuple[Servers, str, str]]:
    """Serve both platforms; give their faults and addresses."""
    servers = Servers(clock, Faults(), Faults())
    fast = RedditOptions(requests_per_window=1_000 * SPEED)
    with (
        serving(reddit_app(community, servers.now, servers.reddit, fast)) as reddit,
        serving(bluesky_app(community, servers.now, servers.bluesky, speed=SPEED)) as bluesky,
    ):
        yield servers, reddit, bluesky


def soak_study(
    root: Path, community: Community, reddit: str, bluesky: str, **variables: str
) -> DemoStudy:
    """Write a study of twenty sources below `root`, with its key and files of names."""
    folder, config = root / "study", root / "config"
    credentials = dict(zip(REDDIT_VARIABLES, (CLIENT_ID, CLIENT_SECRET), strict=True))
    place = Place(folder, config, {**credentials, **variables})
    write_key(config / "confide" / f"{NAME}.key", KEY)
    folder.mkdir()
    text = STUDY.format(
        name=NAME,
        since=SINCE.date(),
        reddit=reddit,
        bluesky=bluesky,
        jetstream=bluesky.replace("http", "ws", 1) + "/xrpc",
        label_studio=free_port(),
        sources="\n".join(_sources(config, community)),
    )
    (folder / "study.toml").write_text(text, "utf-8")
    return DemoStudy(place, community)


def _sources(config: Path, community: Community) -> Iterator[str]:
    for venue in VENUES:
        yield _source(venue.lower(), "reddit", f'subreddit = "{venue}"')
    for word, venue in zip(WORDS, VENUES, strict=True):
        yield _source(f"word-{word}", "reddit_search", f'query = "{word}"\nsubreddit = "{venue}"')
    redditors = _names(community, "reddit", lambda author: author.name)
    skyfolk = _names(community, "bluesky", lambda author: author.native_id)
    for kind, names, count in (
        ("reddit_user", redditors, REDDITORS_IN),
        ("bluesky_author", skyfolk, SKYFOLK_IN),
    ):
        for number in range(count):
            name = f"{kind.split('_')[0]}-people-{number}"
            path = _private_file(config / f"{name}.txt", names[number::count])
            yield _source(name, kind, f'authors_file = "{path}"')
    yield _source("threads", "bluesky_thread", "parents = 10\ndepth = 20")
    yield STREAM


def _source(name: str, kind: str, keys: str) -> str:
    return f'[[source]]\nname = "{name}"\nkind = "{kind}"\nevery = "{EVERY}"\n{keys}\n'


def _names(community: Community, platform: Platform, name: Callable[[Person], str]) -> list[str]:
    return sorted({name(p.author) for p in community.posts if p.platform == platform})


def _private_file(path: Path, lines: Sequence[str]) -> Path:
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path
