"""Bluesky through the public AppView and its real client: everything flows use, by name."""

from atproto import Client

from connectors.bluesky_account import is_for_signed_in_readers, parse_account
from connectors.bluesky_actors import fetch_profiles, resolve_actors
from connectors.bluesky_call import connect, refusal
from connectors.bluesky_context import parse_page
from connectors.bluesky_feed import (
    fetch_author_pages,
    fetch_closed_account,
    fetch_list_pages,
    fetch_ranked_pages,
    is_list,
    resolve_feeds,
)
from connectors.bluesky_interactions import fetch_interactions, parse_interactions
from connectors.bluesky_posts import fetch_posts, fetch_quotes
from connectors.bluesky_repository import fetch_repository_pages, find_server
from connectors.bluesky_sample import ReplySample
from connectors.bluesky_search import fetch_search_pages, parse_found
from connectors.bluesky_session import BlueskyCredentials, sign_in
from connectors.bluesky_threads import fetch_surroundings, fetch_threads

__all__ = [
    "BlueskyCredentials",
    "Client",
    "ReplySample",
    "connect",
    "fetch_author_pages",
    "fetch_closed_account",
    "fetch_interactions",
    "fetch_list_pages",
    "fetch_posts",
    "fetch_profiles",
    "fetch_quotes",
    "fetch_ranked_pages",
    "fetch_repository_pages",
    "fetch_search_pages",
    "fetch_surroundings",
    "fetch_threads",
    "find_server",
    "is_for_signed_in_readers",
    "is_list",
    "parse_account",
    "parse_found",
    "parse_interactions",
    "parse_page",
    "refusal",
    "resolve_actors",
    "resolve_feeds",
    "sign_in",
]
