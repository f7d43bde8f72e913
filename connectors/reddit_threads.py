"""Submissions with their comment trees, a page each."""

from collections.abc import Iterator, Sequence

import praw
import prawcore

from connectors.reddit_client import reason_of, refusal
from connectors.reddit_page import page_of
from connectors.reddit_tree import Tree, TreeLimits, read_tree
from schema.pages import CollectionQuery, RawPage


def fetch_threads(
    reddit: praw.Reddit,
    query: CollectionQuery,
    submission_ids: Sequence[str],
    limits: TreeLimits | None = None,
) -> Iterator[RawPage]:
    """Yield one page a submission: itself and its comment tree, whole or within limits.

    Ids may carry `t3_`. A submission that is not there is the page's only `missing`.

    Raises:
        SourceRefused: the venue is closed to us, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    for submission_id in submission_ids:
        short = submission_id.removeprefix("t3_")
        missing: tuple[str, ...] = ()
        try:
            tree = read_tree(reddit, short, limits or TreeLimits())
        except Exception as error:  # the client also lets KeyError and ValueError through
            if not isinstance(error, prawcore.NotFound) or reason_of(error) is not None:
                raise refusal(error, source=query.source) from None  # its text may hold a name
            tree, missing = Tree(requests_count=1), (f"t3_{short}",)
        yield page_of(
            query, tree.things, missing=missing, requests_count=max(tree.requests_count, 1)
        )
