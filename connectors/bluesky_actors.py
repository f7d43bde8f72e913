"""Bluesky's accounts: handles to DIDs, and what their profiles say.

Source: `getProfiles`, 25 at a time. Accounts are asked for by DID: a handle may change its owner.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import is_did, is_handle
from connectors.bluesky_call import ask, listed

BATCH: Final = 25  # of getPosts and getProfiles


def resolve_actors(
    client: Client, names: Sequence[str], *, source: str = "authors"
) -> dict[str, str]:
    """Map each name that can be resolved to its DID, in the given order; a DID stands for itself.

    A handle may have an @ before it. Names that are no handle, or nobody's, are left out.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    spelled = {name: name.strip().removeprefix("@") for name in dict.fromkeys(names)}
    handles = sorted({text.lower() for text in spelled.values() if is_handle(text)})
    known = {
        str(profile.get("handle")).lower(): str(profile.get("did"))
        for profile in _profiles(client, handles, source=source)
        if is_did(profile.get("did"))
    }
    dids = {
        name: text if is_did(text) else known.get(text.lower()) for name, text in spelled.items()
    }
    return {name: did for name, did in dids.items() if did is not None}


def fetch_profiles(
    client: Client, dids: Sequence[str], *, source: str
) -> dict[str, Mapping[str, Any]]:
    """Map each DID that the AppView knows to its profile view.

    An event of the stream needs it: who wants signed-in readers only says so there.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    profiles = _profiles(client, list(dict.fromkeys(dids)), source=source)
    return {str(profile["did"]): profile for profile in profiles if is_did(profile.get("did"))}


def batches(items: Sequence[str]) -> Iterator[list[str]]:
    """Cut a list into what one request takes."""
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])


def _profiles(client: Client, actors: Sequence[str], *, source: str) -> Iterator[Mapping[str, Any]]:
    for batch in batches(actors):
        params = models.AppBskyActorGetProfiles.Params(actors=batch)
        answer = ask(client, "app.bsky.actor.getProfiles", params, source=source)
        yield from listed(answer, "profiles", source=source)
