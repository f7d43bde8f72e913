"""The demo's study folder: written anew at each run, since its servers' ports change."""

import hashlib
from pathlib import Path

from demo.model import Community
from flows.file_modes import close_to_others
from flows.new_study import IGNORED, write_key
from flows.workspace import config_directory, key_file

NAME = "confide-demo"
CODERS = ("simulated-1", "simulated-2", "simulated-3")
# A published constant: the demo's people are invented, and the same key makes the same corpus.
DEMO_KEY = hashlib.sha256(b"confide demo key: invented people only").digest()
STUDY = """# Written by `confide demo`: an invented community on loopback servers.
[study]
name = "{name}"
since = 2026-01-05
languages = ["en"]

[policy]
allow_loopback = true                  # demo only: loopback platforms and CONFIDE_NOW

[platforms.reddit]
url = "{reddit}"
oauth_url = "{reddit}"
user_agent = "confide (the demo; nobody real is asked)"

[platforms.bluesky]
appview = "{bluesky}"
pds = "{bluesky}"
jetstream = ["{jetstream}"]

[label_studio]
url = "http://127.0.0.1:{label_studio_port}"

{sources}
[sampling]
seed = 20260105
roots = {roots}
replies = {replies}
timelines = {timelines}
community_weeks = {community_weeks}
community_minimum = 6                  # a week of an invented place is small
minimum_probability = 0.01
per_author = 3

[coding]
coders = [{coders}]                    # simulated, and named so
paced = false                          # nobody needs a break: no person codes here
"""
SUBREDDIT = """[[source]]
name = "{name}"
kind = "reddit"
subreddit = "{subreddit}"
"""
BLUESKY = """[[source]]
name = "accounts"
kind = "bluesky_author"
authors_file = "{authors_file}"

[[source]]
name = "words"
kind = "bluesky_stream"
keywords = [
    "tired", "alone", "can't", "anyone", "help", "work",
    "night", "today", "again", "feel", "week", "home"
]

[[source]]
name = "threads"
kind = "bluesky_thread"
parents = 10
depth = 6
"""


def write_demo_study(
    directory: Path,
    community: Community,
    *,
    reddit: str,
    bluesky: str,
    label_studio_port: int,
    roots: int,
    replies: int,
    timelines: int,
    community_weeks: int,
) -> None:
    """Write study.toml, the key and the 0600 file of authors, replacing an earlier run's."""
    directory.mkdir(parents=True, exist_ok=True)
    authors = config_directory() / f"{NAME}.dids"
    if not key_file(NAME).exists():
        write_key(key_file(NAME), DEMO_KEY)
    authors.touch(mode=0o600)
    authors.chmod(0o600)
    followed = followed_dids(community)
    authors.write_text("\n".join(followed) + "\n", "utf-8")
    venues = [venue.name for venue in community.venues if venue.state == "public"]
    sources = "\n".join(SUBREDDIT.format(name=name.lower(), subreddit=name) for name in venues)
    text = STUDY.format(
        name=NAME,
        reddit=reddit,
        bluesky=bluesky,
        jetstream=bluesky.replace("http", "ws", 1) + "/xrpc",
        label_studio_port=label_studio_port,
        sources=sources + "\n" + BLUESKY.format(authors_file=authors),
        roots=roots,
        replies=replies,
        timelines=timelines,
        community_weeks=community_weeks,
        coders=", ".join(f'"{coder}"' for coder in CODERS),
    )
    (directory / "study.toml").write_text(text, "utf-8")
    (directory / ".gitignore").write_text(IGNORED, "utf-8")
    close_to_others(directory)


def followed_dids(community: Community) -> list[str]:
    """Choose whom the demo follows: every fifth account; the stream finds the others."""
    posters = {p.author.native_id for p in community.posts if p.platform == "bluesky"}
    return sorted(posters)[::5]
