"""How often Reddit is asked: per 10,000 new comments, and per 10,000 refreshed posts.

`python -m bench.bench_reddit_requests [COMMENTS]` counts requests on the loopback server, beside
the floor (a hundred an answer) and, for comments, beside praw's own `replace_more(limit=None)`
over the same threads. Threads have the sizes of a Pareto tail (shape 1.2, 600 at most), each
comment answers its submission or an earlier comment, and the server shows 500 at once, ten levels
deep, as Reddit does. Bar: refreshed posts at the floor; comments with fewer requests than praw.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import praw

from connectors.reddit import fetch_posts, fetch_threads
from demo.model import Post
from demo.reddit_server import RedditOptions
from tests.support.reddit_village import NOON, Village, comment, minutely, submission, village

REDDIT_SHOWS = RedditOptions(tree_limit=500, tree_depth=10, requests_per_window=1_000_000)
PARETO_SHAPE = 1.2
SMALLEST = 12
LARGEST = 600  # praw asks a request a stub: more takes minutes


def threads(comments_count: int, seed: int = 7) -> tuple[list[Post], list[Post]]:
    """Invent submissions and so many comments under them, a few threads large and most small."""
    chance = random.Random(seed)
    roots: list[Post] = []
    comments: list[Post] = []
    while len(comments) < comments_count:
        root = submission(len(roots), at=NOON - timedelta(days=2))
        roots.append(root)
        size = min(round(SMALLEST * chance.paretovariate(PARETO_SHAPE)), LARGEST)
        under = [root]
        for _ in range(min(size, comments_count - len(comments))):
            parent = root if chance.random() < 0.4 else chance.choice(under)
            at = parent.created_at + timedelta(seconds=chance.randint(30, 3_600))
            reach = replace(root.reach, likes=chance.randint(1, 200))
            one = comment(len(comments), under=parent, at=min(at, NOON), reach=reach)
            comments.append(one)
            under.append(one)
    return roots, comments


def asked(place: Village, before: int) -> int:
    """Count the requests since."""
    return place.requests_count - before


def ours(place: Village, roots: Sequence[Post]) -> tuple[int, int]:
    """Read every thread; return comments and requests."""
    before = place.requests_count
    pages = list(fetch_threads(place.client(), place.query(), [root.native_id for root in roots]))
    return sum(len(page.items) - 1 for page in pages), asked(place, before)


def praw_own(place: Village, roots: Sequence[Post]) -> tuple[int, int]:
    """Read every thread as praw's documentation says; return comments and requests."""
    before, count = place.requests_count, 0
    client: praw.Reddit = place.client()
    for root in roots:
        one = client.submission(root.native_id.removeprefix("t3_"))
        one.comment_limit = 2_048
        one.comments.replace_more(limit=None)
        count += len(one.comments.list())
    return count, asked(place, before)


def main() -> None:
    """Count both."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    roots, comments = threads(wanted)
    largest = max(sum(c.root_id == root.native_id for c in comments) for root in roots)
    print(f"{len(comments):,} comments in {len(roots)} threads, the largest of {largest:,}")
    with village([*roots, *comments], options=REDDIT_SHOWS) as place:
        for name, read in (("ours", ours), ("praw", praw_own)):
            read_count, requests_count = read(place, roots)
            per = requests_count * 10_000 / read_count
            print(f"{name:5} {read_count:7,} comments {per:8,.0f} requests per 10,000 comments")
    print(f"floor {wanted:7,} comments {100:8,.0f} a hundred an answer")
    print(f"floor {wanted:7,} comments {len(roots) * 10_000 / wanted:8,.0f} an answer a thread")
    posts = minutely(10_000, until=NOON)
    with village(posts, options=REDDIT_SHOWS) as place:
        names = [post.native_id for post in posts]
        looked_at = sum(
            len(page.items) for page in fetch_posts(place.client(), place.query(), names)
        )
        print(f"refresh: {looked_at:,} posts in {place.requests_count} requests; floor 100")


if __name__ == "__main__":
    main()
