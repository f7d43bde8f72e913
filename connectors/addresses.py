"""What a person writes to name an account or a post, on either platform. Pure.

Taken: `u/name`, DIDs, handles, at-uris, `t1_` and `t3_` ids, and the addresses of profiles and
posts as a browser shows them. Answers None for anything else, however hostile: what is taken is
matched whole, and short.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from connectors.atproto_syntax import POST_COLLECTION, is_did, is_handle
from schema.vocabulary import Platform

LONGEST: Final = 8192
_ACCOUNT = re.compile(r"(?:/?u/|/?user/)(?P<name>[A-Za-z0-9_-]{2,40})/?", re.ASCII)
_FULLNAME = re.compile(r"t[13]_[a-z0-9]{1,13}", re.ASCII)
_ID: Final = r"[A-Za-z0-9]{1,13}"
_REDDIT_PATH = re.compile(
    rf"/(?:(?:r|u|user)/[A-Za-z0-9_-]{{2,40}}/)?comments/(?P<root>{_ID})"
    rf"(?:/(?:comment|[^/]{{0,300}})(?:/(?P<comment>{_ID}))?)?/?",
    re.ASCII,
)
_SHORT_PATH = re.compile(rf"/(?P<root>{_ID})/?", re.ASCII)
_PROFILE_PATH = re.compile(r"/profile/(?P<who>[^/]+)(?:/post/(?P<rkey>[^/]+))?/?")
_AT_URI = re.compile(rf"at://(?P<who>[^/]+)(?:/{re.escape(POST_COLLECTION)}/(?P<rkey>[^/]+))?/?")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}", re.ASCII)
_REDDIT_HOST = re.compile(r"(?:[a-z]{1,10}\.)?reddit\.com", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """An account, or a post where `post` is given. Names a person: memory only.

    `account`: a Reddit name, a DID or a handle; None for a Reddit post. `post`: a Reddit fullname,
    or the record key of the account's Bluesky post.
    """

    platform: Platform
    account: str | None = field(default=None, repr=False)
    post: str | None = field(default=None, repr=False)

    @property
    def handle(self) -> str | None:
        """The handle that must be resolved before anything is found by it, if it is one."""
        return self.account if self.platform == "bluesky" and not is_did(self.account) else None


def read_address(line: str) -> Address | None:
    """Read one line; None where it names neither account nor post in a form known here."""
    # apps put invisible marks around names, and they are copied along
    text = "".join(c for c in line[: LONGEST + 1] if unicodedata.category(c) != "Cf").strip()
    if not text or len(text) > LONGEST:
        return None
    if match := _ACCOUNT.fullmatch(text):
        return Address("reddit", account=match["name"])
    if _FULLNAME.fullmatch(text.lower()):
        return Address("reddit", post=text.lower())
    if match := _AT_URI.fullmatch(text):
        return _bluesky(match["who"], match["rkey"])
    if "://" in text:
        return _of_web(text)
    return _bluesky(text, None)


def _of_web(text: str) -> Address | None:
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    if parts.scheme not in ("http", "https"):
        return None
    if host == "bsky.app" and (match := _PROFILE_PATH.fullmatch(parts.path)):
        return _bluesky(unquote(match["who"]), match["rkey"])
    if host == "redd.it" and (match := _SHORT_PATH.fullmatch(parts.path)):
        return Address("reddit", post=f"t3_{match['root'].lower()}")
    return _of_reddit(parts.path) if _REDDIT_HOST.fullmatch(host) else None


def _of_reddit(path: str) -> Address | None:
    if match := _REDDIT_PATH.fullmatch(path):
        kind, found = ("t1", match["comment"]) if match["comment"] else ("t3", match["root"])
        return Address("reddit", post=f"{kind}_{found.lower()}")
    match = _ACCOUNT.match(path)  # a tab of the profile may stand behind
    is_whole = match is not None and (match.end() == len(path) or match[0].endswith("/"))
    return Address("reddit", account=match["name"]) if match and is_whole else None


def _bluesky(who: str, rkey: str | None) -> Address | None:
    name = who.removeprefix("@")
    if rkey is not None and not _RKEY.fullmatch(rkey):
        return None
    if is_did(name):
        return Address("bluesky", account=name, post=rkey)
    return Address("bluesky", account=name.lower(), post=rkey) if is_handle(name) else None
