"""Which posts a listing of the invented Reddit holds, in which order, and how a page is cut.

A listing is a list of ids made beforehand, of so many at most. Where removed posts are dropped
from the list, a page's anchor may vanish; where they stay on it (`keeps_removed`), pages run
short, and empty ones still say what comes after.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from demo import reddit_wire as wire
from demo.history import counts, exists, is_public
from demo.model import Community, Person, Post

LISTING_CAP: Final = 1_000
SEARCH_CAP: Final = 250
PAGE_CAP: Final = 100
_PERIODS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": timedelta(days=30),
    "year": timedelta(days=365),
}

Show = Callable[[Post], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The community's posts as listings of one instant pick them."""

    community: Community
    now: datetime
    keeps_removed: bool = False

    def submissions(self, venues: set[str], order: str, period: str | None) -> list[Post]:
        """List subreddits' submissions, 1,000 at most."""
        posts = [post for post in self.community.roots("reddit") if post.venue in venues]
        return self._ranked(posts, order, period)[:LISTING_CAP]

    def comments(self, venue: str) -> list[Post]:
        """List a subreddit's comments, newest first, 1,000 at most."""
        posts = [p for p in self.community.posts if p.kind == "comment" and p.venue == venue]
        return self._ranked(posts, "new", None)[:LISTING_CAP]

    def found(self, words: str, venues: set[str], order: str, period: str | None) -> list[Post]:
        """List submissions that say all of these words, some hundreds at most."""
        wanted = words.lower().replace('"', " ").split()
        posts = [
            post
            for post in self.community.roots("reddit")
            if post.venue in venues
            and all(word in f"{post.title} {post.text}".lower() for word in wanted)
        ]
        return self._ranked(posts, order, period)[:SEARCH_CAP]

    def written(self, person: Person, listing: str, venues: set[str], order: str) -> list[Post]:
        """List what an account wrote where everybody can read it, 1,000 at most."""
        kinds = {"submitted": {"submission"}, "comments": {"comment"}}
        wanted = kinds.get(listing, {"submission", "comment"})
        posts = [
            post
            for post in self.community.by_author.get(person.native_id, ())
            if post.kind in wanted and post.venue in venues
        ]
        return self._ranked(posts, order, None)[:LISTING_CAP]

    def page(
        self, posts: Sequence[Post], params: Mapping[str, str], show: Show, *, again: int = 0
    ) -> dict[str, Any]:
        """Cut a page after or before an anchor; an anchor that is not listed gives nothing.

        `again`: how many items of the page before are shown once more.
        """
        limit = whole(params.get("limit"), 25, most=PAGE_CAP)
        names = [post.native_id for post in posts]
        start, stop = 0, limit
        after, before = params.get("after"), params.get("before")
        if after:
            start = names.index(after) + 1 if after in names else len(names)
            start = max(0, start - again) if start < len(names) else start
            stop = start + limit
        elif before:
            stop = names.index(before) if before in names else 0
            start = max(0, stop - limit)
        page = posts[start:stop]
        has_more = bool(page) and stop < len(posts)
        shown = [post for post in page if is_public(post, self.now)]
        return wire.listing(
            [show(post) for post in shown],
            after=page[-1].native_id if has_more else None,
            dist=len(shown),
        )

    def _ranked(self, posts: Sequence[Post], order: str, period: str | None) -> list[Post]:
        listed = [
            post
            for post in posts
            if (exists(post, self.now) if self.keeps_removed else is_public(post, self.now))
        ]
        listed.sort(key=lambda post: (post.created_at, post.native_id), reverse=True)
        if order == "new":
            return listed
        listed = listed[:LISTING_CAP]
        if order == "top" and (span := _PERIODS.get(period or "all")) is not None:
            listed = [post for post in listed if post.created_at >= self.now - span]
        return sorted(listed, key=lambda post: -counts(self.community, post, self.now).likes)


def whole(given: str | None, default: int, *, most: int) -> int:
    """Read a whole number from a query; nonsense counts as not given."""
    number = int(given) if given is not None and given.isdigit() else default
    return max(1, min(number, most))
