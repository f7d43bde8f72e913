"""One stream of the study: its pages, and what its filter follows while they are read.

The filter is the study's: words, accounts named in a file, members of lists, replies to what is
held. What a custom feed shows has passed in the stream by then: it is fetched from the feed.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Final

from connectors import bluesky, bluesky_follow, jetstream
from connectors.held_posts import HELD_POSTS_MAX, HeldPosts
from connectors.vault import open_vault
from flows import bluesky_access
from flows.reading import NETWORK, Reading, query_for
from flows.workspace import Workspace, read_private_lines
from schema.errors import BadInput, SourceRefused, SourceUnavailable
from schema.pages import ParsedPage, RawPage
from schema.sources import BlueskyStreamSource
from transforms.pseudonymize import post_keys
from warehouse import store

IDLE_SECONDS: Final = 2.0  # a pass ends when the stream's live tip has been quiet so long
HELD_FOR: Final = timedelta(days=30)  # so long replies to a post, and its edits, are looked out for
OVERLAP: Final = timedelta(hours=1)  # a page that had to wait is stored after it was observed
FEED_PAGES_MAX: Final = 5  # of posts that are not held, each time a feed is asked
KEYS_AT_ONCE: Final = 10_000
# What replies answer that nobody held: at least the last 100,000 replies, 46 minutes at the rate of
# 36 posts a second, the network's peak, were all of them replies. At most about 40 MB.
UNHELD_MAX: Final = 400_000
LATE_DEPTH: Final = 6
LATE_REPLIES: Final = 200  # of one thread


class Accounts:
    """Accounts that are followed; a longer list takes the place of the old one at once."""

    def __init__(self, dids: frozenset[str]) -> None:
        """Begin with these."""
        self.dids = dids

    def __contains__(self, did: object) -> bool:
        """Tell whether an account is followed."""
        return did in self.dids


class StreamReader:
    """Reads one stream. Names people: memory only, no repr."""

    def __init__(self, workspace: Workspace, source: BlueskyStreamSource) -> None:
        """Ask the AppView who is followed, and the vault what is held.

        Raises:
            BadInput: no host is named, or a file of the source's cannot be used.
            SourceRefused: nobody and nothing that the source names can be followed.
            SourceUnavailable: the AppView cannot answer now.
        """
        if not workspace.study.platforms.bluesky.jetstream:
            raise BadInput(
                f"source {source.name}: platforms.bluesky.jetstream names no host: add one"
            )
        self.workspace, self.source = workspace, source
        self.client = bluesky_access.public(workspace)
        self.held = HeldPosts()
        self._unheld = HeldPosts(UNHELD_MAX)
        self._late = SimpleQueue[str]()  # posts that are held now and were answered before
        self._held_since = workspace.now() - HELD_FOR
        self._named = self._resolved()
        self._accounts = Accounts(self._named)
        self._refused_lists_count = self._refused_feeds_count = 0
        self.wanted = jetstream.EventFilter(
            keywords=_keywords(workspace, source),
            dids=self._accounts,
            reply_to=self.held if source.collect_replies else None,
            unheld=self._unheld if source.collect_replies else None,
            edits_of=self.held,
            languages=frozenset(source.declared_languages),
        )
        self.read_lists()
        self.read_held()

    def pages(
        self, *, idle_seconds: float | None = None, stop: threading.Event | None = None
    ) -> Iterator[RawPage]:
        """Yield the stream's pages since its stored position; with None until `stop`."""
        source = self.source.name
        return jetstream.fetch_event_pages(
            self.workspace.study.platforms.bluesky.jetstream,
            query_for(self.workspace, source, stream=source, venue=NETWORK),
            wanted=self.wanted,
            idle_seconds=idle_seconds,
            stop=stop,
            clock=self.workspace.now if idle_seconds is None else None,
        )

    def parse(self, page: RawPage) -> ParsedPage:
        """Sort a page, with its authors' profiles: an event tells no names and no wish.

        Raises:
            SourceUnavailable: the AppView cannot answer now.
        """
        authors = jetstream.post_authors(page)
        profiles = bluesky.fetch_profiles(self.client, authors, source=self.source.name)
        parsed = jetstream.parse_events(page, profiles=profiles)
        return replace(parsed, set_aside=(*parsed.set_aside, *self.wanted.left_out()))

    def learn(self, parsed: ParsedPage, *, is_thread: bool = False) -> None:
        """Take note of what a page's storing added and took away: replies to it are wanted, too.

        `is_thread`: it holds what answers it already.
        """
        self.held.discard(parsed.removals["native_id"].drop_nulls())
        natives = parsed.posts["native_id"].to_list()
        key = self.workspace.key.pseudonym_key("bluesky")
        if is_thread:
            self._unheld.discard(natives)
        self._hold(post_keys("bluesky", natives, key=key))

    def late_readings(self) -> Iterator[Reading]:
        """Yield the threads of posts that were answered before any route had brought them.

        What answered them is not remembered, only that somebody did.

        Raises:
            SourceUnavailable: the AppView cannot answer now; what is left waits.
        """
        sample = bluesky.ReplySample(self.workspace.study.sampling.seed, LATE_REPLIES)
        name = self.source.name
        query = query_for(self.workspace, name, stream=name, venue=NETWORK)
        while (uri := self._next_late()) is not None:
            try:
                [page] = bluesky.fetch_threads(
                    self.client, query, [uri], depth=LATE_DEPTH, parents=0, sample=sample
                )
            except SourceRefused:
                continue
            except SourceUnavailable:
                self._late.put(uri)
                raise
            shown = [view for view in page.items if not self._is_declared_elsewhere(view)]
            yield self._reading(shown, requests_count=page.requests_count)

    def read_held(self) -> None:
        """Take note of what every route brought since the last time."""
        since, now = self._held_since, self.workspace.now()
        with store.open_warehouse(self.workspace.warehouse, now=now) as warehouse:
            keys = store.posts_seen_since(warehouse, "bluesky", since, limit=HELD_POSTS_MAX)
        self._hold(keys)
        self._held_since = now - OVERLAP

    def read_lists(self) -> None:
        """Ask who is in the lists now; a list that is gone is followed no more.

        Raises:
            SourceRefused: nothing is left that the source follows.
            SourceUnavailable: the AppView cannot answer now; the old members stay.
        """
        members, refused_count = set(self._named), 0
        for uri in self._lines(self.source.lists_file):
            try:
                members |= bluesky_follow.list_members(self.client, uri, source=self.source.name)
            except SourceRefused:
                refused_count += 1
        self._accounts.dids, self._refused_lists_count = frozenset(members), refused_count
        self._refuse_if_nothing_is_left()

    def feed_readings(self) -> Iterator[Reading]:
        """Yield what the custom feeds show and the study does not hold, on the AppView's route.

        Raises:
            SourceRefused: nothing is left that the source follows.
            SourceUnavailable: the AppView cannot answer now.
        """
        refused_count = 0
        for uri in self._lines(self.source.feeds_file):
            try:
                for views in self._new_views(uri):
                    yield self._reading(views)
            except SourceRefused:  # the stream and the other feeds go on
                refused_count += 1
        self._refused_feeds_count = refused_count
        self._refuse_if_nothing_is_left()

    @property
    def trouble(self) -> str | None:
        """Say how many of the lists and feeds are gone, where any is."""
        gone = self._refused_lists_count + self._refused_feeds_count
        return f"{gone} of its lists and feeds cannot be read: look at its files" if gone else None

    def _new_views(self, uri: str) -> Iterator[list[Mapping[str, Any]]]:
        """Yield a feed's unknown posts until a page has none."""
        pages = bluesky_follow.feed_views(self.client, uri, source=self.source.name)
        for views in islice(pages, FEED_PAGES_MAX):
            new = [view for view in views if view.get("uri") not in self.held]
            if not new:
                return
            yield [view for view in new if not self._is_declared_elsewhere(view)]

    def _next_late(self) -> str | None:
        try:
            return self._late.get_nowait()
        except Empty:
            return None

    def _reading(self, views: Sequence[Mapping[str, Any]], **more: Any) -> Reading:
        page = RawPage(
            platform="bluesky",
            source=self.source.name,
            stream=self.source.name,
            venue=NETWORK,
            observed_at=self.workspace.now(),
            items=tuple(views),
            **more,
        )
        route = self.workspace.study.route("bluesky_feed")
        return Reading(page, bluesky.parse_page, route=route)

    def _refuse_if_nothing_is_left(self) -> None:
        feeds_count = len(self._lines(self.source.feeds_file)) - self._refused_feeds_count
        if not (self._accounts.dids or self.wanted.keywords or feeds_count > 0):
            raise SourceRefused(
                f"source {self.source.name}: nobody that it names can be followed: "
                "look at its files of accounts, lists and feeds"
            )

    def _is_declared_elsewhere(self, view: Mapping[str, Any]) -> bool:
        record = view.get("record")
        return isinstance(record, Mapping) and self.wanted.is_declared_elsewhere(record)

    def _hold(self, keys: Sequence[int]) -> None:
        workspace = self.workspace
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
                natives = vault.native_ids(some)
            found = [natives[key] for key in some if key in natives]
            self.held.add(found)
            answered = [uri for uri in found if uri in self._unheld]
            self._unheld.discard(answered)
            for uri in answered:
                self._late.put(uri)

    def _resolved(self) -> frozenset[str]:
        names = self._lines(self.source.authors_file)
        found = bluesky.resolve_actors(self.client, names, source=self.source.name)
        return frozenset(found.values())

    def _lines(self, path: str | None) -> list[str]:
        if path is None:
            return []
        folder = self.workspace.directory
        return read_private_lines(path, source=self.source.name, study_directory=folder)


def pass_over(reader: StreamReader) -> Iterator[Reading]:
    """Yield one pass over a stream: events up to the live tip, what feeds show, late threads."""
    for page in reader.pages(idle_seconds=IDLE_SECONDS):
        parsed = reader.parse(page)
        yield Reading(page, _known(parsed))
        reader.learn(parsed)  # the page is stored by now
    for reading in reader.feed_readings():
        parsed = reading.parse(reading.page)
        yield replace(reading, parse=_known(parsed))
        reader.learn(parsed)
    yield from reader.late_readings()


def _known(parsed: ParsedPage) -> Callable[[RawPage], ParsedPage]:
    return lambda _page: parsed


def _keywords(workspace: Workspace, source: BlueskyStreamSource) -> tuple[str, ...]:
    if source.keywords_file is None:
        return source.keywords
    path = workspace.directory / source.keywords_file
    if not path.is_file():
        raise BadInput(
            f"source {source.name}: keywords_file {source.keywords_file} does not exist: "
            "create it, one word or phrase a line"
        )
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return (*source.keywords, *(line for line in lines if line and not line.startswith("#")))
