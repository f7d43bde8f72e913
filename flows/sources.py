"""From a source of the study to the pages of its platform.

One function a kind: it yields pages with the parser that reads them. Threads and files have
flows of their own.
"""

from collections.abc import Iterator

from flows import bluesky_sources, reddit_sources
from flows.permission import check_permission
from flows.reading import Reading
from flows.stream_reader import StreamReader, pass_over
from flows.workspace import Workspace
from schema.errors import BadInput
from schema.sources import (
    BlueskyAuthorSource,
    BlueskyFeedSource,
    BlueskySearchSource,
    BlueskyStreamSource,
    RedditSearchSource,
    RedditSource,
    RedditUserSource,
    Source,
)


def readings(workspace: Workspace, source: Source) -> Iterator[Reading]:
    """Yield a source's pages since its stored position.

    Raises:
        PolicyRefused: a source without its approval, permission or ethics record (R1, R2, R5).
        BadInput: a kind without pages of its own: threads, or what is read from files.
    """
    check_permission(workspace, source)
    if isinstance(source, RedditSource):
        return reddit_sources.subreddit(workspace, source)
    if isinstance(source, RedditSearchSource):
        return reddit_sources.search(workspace, source)
    if isinstance(source, RedditUserSource):
        return reddit_sources.users(workspace, source)
    if isinstance(source, BlueskyAuthorSource | BlueskyFeedSource | BlueskySearchSource):
        return bluesky_sources.pulled(workspace, source)
    if isinstance(source, BlueskyStreamSource):
        return pass_over(StreamReader(workspace, source))
    raise BadInput(f"source {source.name}: kind {source.kind} has no pages of its own")
