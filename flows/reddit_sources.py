"""Reddit's live sources: a subreddit, a search, and accounts named outside the study."""

from collections.abc import Iterator

from connectors import reddit
from connectors.vault import open_vault
from flows.reading import Reading, queries_for, query_for, refuse_if_none
from flows.workspace import Workspace, read_private_lines
from schema.errors import PolicyRefused, SourceRefused
from schema.pages import CollectionQuery, RawPage
from schema.sources import RedditSearchSource, RedditSource, RedditUserSource, TopListing
from transforms.pseudonymize import author_pseudonyms

ADULT_ENOUGH = 10  # so many posts, all marked adult, tell of their subreddit


def subreddit(workspace: Workspace, source: RedditSource) -> Iterator[Reading]:
    """Yield a subreddit's pages; one that is for adults alone is refused after its first.

    Raises:
        PolicyRefused: the policy leaves out whatever it shows (R4).
    """
    client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
    query = query_for(workspace, source.name, stream=source.name, venue=source.subreddit)
    for number, page in enumerate(_listing(client, query, source)):
        yield Reading(page, reddit.parse_page)
        if number == 0 and not workspace.study.policy.nsfw:
            _refuse_adult(page)


def _listing(
    client: reddit.Client, query: CollectionQuery, source: RedditSource
) -> Iterator[RawPage]:
    if isinstance(source.listing, TopListing):
        return reddit.fetch_ranked_pages(client, query, "top", source.listing.top)
    if source.listing == "hot":
        return reddit.fetch_ranked_pages(client, query, "hot")
    return reddit.fetch_pages(client, query)


def _refuse_adult(page: RawPage) -> None:
    """Say that a subreddit holds nothing but what the policy leaves out (R4).

    Raises:
        PolicyRefused: every one of its newest posts is marked adult.
    """
    posts = reddit.parse_page(page).posts
    if posts.height >= ADULT_ENOUGH and posts["is_nsfw"].all():
        raise PolicyRefused(
            f"source {page.source}: all of the {posts.height} posts it shows first are marked "
            "adult (NSFW), and policy.nsfw leaves those out: remove the source"
        )


def search(workspace: Workspace, source: RedditSearchSource) -> Iterator[Reading]:
    """Yield what a search finds."""
    client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
    query = query_for(workspace, source.name, stream=source.name, venue=source.subreddit)
    pages = reddit.fetch_search_pages(
        client, query, source.query, with_adult=workspace.study.policy.nsfw
    )
    for page in pages:
        yield Reading(page, reddit.parse_page)


def users(workspace: Workspace, source: RedditUserSource) -> Iterator[Reading]:
    """Yield what each account of the source's file wrote, a stream an account.

    Raises:
        SourceRefused: not one of them can be read.
    """
    lines = read_private_lines(
        source.authors_file, source=source.name, study_directory=workspace.directory
    )
    names = {name.lower(): name for line in lines if (name := reddit.account_name(line))}
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        _, barred = vault.suppressed("reddit", [], names.values())  # who left is not asked after
    wanted = [name for name in names.values() if name not in barred]
    key = workspace.key.pseudonym_key("reddit")
    pseudonyms = author_pseudonyms("reddit", wanted, key=key)
    streams = {f"{source.name}/{p}": name for p, name in zip(pseudonyms, wanted, strict=True)}
    client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
    refused = len(set(lines)) - len(names)
    for query in queries_for(workspace, source.name, streams, venue=reddit.SITE):
        try:
            for page in reddit.fetch_user_pages(client, query):
                yield Reading(page, reddit.parse_page)
        except SourceRefused:
            refused += 1  # an account that closed must not end the others' pass
    refuse_if_none(source.name, refused, of=len(set(lines)))
