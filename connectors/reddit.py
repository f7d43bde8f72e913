"""Reddit, through praw: listings, search, accounts, comment trees, and posts by id.

Source: Reddit's OAuth API. Units: `created_utc` in whole seconds, UTC. Limits: the platform
fuzzes scores; a listing ends without saying whether it was cut. One module a kind of reading:
`reddit_venue` (a subreddit's listings), `reddit_search`, `reddit_users`, `reddit_threads`
(trees), `reddit_info` (by id); `reddit_listing` and `reddit_back` are what they share.

All goes through praw's own `request`, which answers plain JSON: praw's models would lose a
whole page for one malformed author, and reading an attribute they lack is a hidden request.
"""

from praw import Reddit as Client

from connectors.reddit_client import RedditCredentials, connect, refusal
from connectors.reddit_info import fetch_posts
from connectors.reddit_parse import parse_page
from connectors.reddit_search import SITE, fetch_search_pages
from connectors.reddit_threads import fetch_threads
from connectors.reddit_tree import TreeLimits
from connectors.reddit_users import account_name, fetch_user_pages
from connectors.reddit_venue import fetch_pages, fetch_ranked_pages

__all__ = [
    "SITE",
    "Client",
    "RedditCredentials",
    "TreeLimits",
    "account_name",
    "connect",
    "fetch_pages",
    "fetch_posts",
    "fetch_ranked_pages",
    "fetch_search_pages",
    "fetch_threads",
    "fetch_user_pages",
    "parse_page",
    "refusal",
]
