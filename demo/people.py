"""Invented accounts: most names could be nobody else's, some are short or ordinary words."""

from datetime import datetime, timedelta
from typing import Final

import numpy as np

from demo.ids import base36, did
from demo.model import AccountChange, AccountStatus, Person

ONSETS: Final = (
    "b", "br", "c", "cl", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p",
    "pr", "qu", "r", "s", "sk", "st", "t", "tr", "v", "w", "x", "y", "z",
)  # fmt: skip
VOWELS: Final = (
    "a", "e", "i", "o", "u", "ae", "io", "ou", "y",
)  # fmt: skip
CODAS: Final = (
    "l", "m", "n", "r", "s", "t", "x", "nd", "rk", "sk", "th", "ng", "v",
)  # fmt: skip
WORDS: Final = (
    "orchard", "moonlight", "harbour", "sam", "Tea", "kestrel", "rain", "button",
    "margin", "pepper", "ash", "lantern",
)  # fmt: skip
STATUS_PLAN: Final[tuple[tuple[tuple[int, AccountStatus], ...], ...]] = (
    ((33, "deleted"),),
    ((47, "deleted"),),
    ((30, "deactivated"), (41, "active")),
    ((38, "takendown"),),
    ((52, "deactivated"),),
)  # days after the window opens, for the Bluesky accounts that change


def _syllables(rng: np.random.Generator, count: int) -> str:
    parts = [
        ONSETS[rng.integers(len(ONSETS))]
        + VOWELS[rng.integers(len(VOWELS))]
        + (CODAS[rng.integers(len(CODAS))] if rng.random() < 0.6 else "")
        for _ in range(count)
    ]
    return "".join(parts)


def _long_name(rng: np.random.Generator) -> str:
    """Draw a name of 10 to 16 letters and digits that no text holds by chance."""
    while True:
        name = _syllables(rng, 3) + str(rng.integers(10, 9_999))
        if 10 <= len(name) <= 16:
            return name


def invent_redditors(rng: np.random.Generator, count: int, since: datetime) -> tuple[Person, ...]:
    """Invent Reddit accounts; one in ten has an ordinary word for a name, two delete theirs."""
    people: list[Person] = []
    for index in range(count):
        is_word = index % 10 == 9 and index // 10 < len(WORDS)
        name = WORDS[index // 10] if is_word else _long_name(rng)
        if not is_word and rng.random() < 0.4:
            name = name.capitalize().replace("x", "_x", 1)
        gone_at = {5: 31, 27: 44}.get(index)
        people.append(
            Person(
                platform="reddit",
                name=name,
                native_id="t2_" + base36(int(rng.integers(10**9, 10**12))),
                display_name=name,
                created_at=since - timedelta(days=int(rng.integers(20, 4_000))),
                is_word=is_word,
                changes=()
                if gone_at is None
                else (AccountChange(since + timedelta(days=gone_at), "deleted"),),
            )
        )
    return tuple(people)


def invent_skyfolk(rng: np.random.Generator, count: int, since: datetime) -> tuple[Person, ...]:
    """Invent Bluesky accounts: handles under two hosts, some shy of signed-out readers.

    Among the first forty, a few change their status or handle inside the window.
    """
    people: list[Person] = []
    for index in range(count):
        is_word = index % 12 == 11 and index // 12 < len(WORDS)
        label = WORDS[index // 12].lower() if is_word else _long_name(rng)
        host = "skies.test" if is_word or index % 4 == 0 else "bsky.social"
        changes = STATUS_PLAN[index // 7] if index % 7 == 3 and index // 7 < 5 else ()
        is_renamed = index == 8
        people.append(
            Person(
                platform="bluesky",
                name=f"{label}.{host}",
                native_id=did(rng),
                display_name=label.capitalize() if is_word else _syllables(rng, 4).capitalize(),
                created_at=since - timedelta(days=int(rng.integers(20, 900))),
                is_word=is_word,
                is_hidden_logged_out=index % 30 == 16,
                changes=tuple(
                    AccountChange(since + timedelta(days=days), status) for days, status in changes
                ),
                former_name=f"{_long_name(rng)}.bsky.social" if is_renamed else None,
                renamed_at=since + timedelta(days=25) if is_renamed else None,
            )
        )
    return tuple(people)
