"""Identifying strings planted in texts, each invented, each to be masked.

Telephone numbers are from ranges kept for fiction; hosts of e-mail addresses and pages end in
`.example` unless the page's kind is told by its well-known host.
"""

from typing import Final

import numpy as np

from demo.model import NameKind, Person, PlantedName

PHONES: Final = (
    "+1 (555) 010-{a:04d}",
    "(555) 010-{a:04d}",
    "+44 20 7946 0{b:03d}",
    "020 7946 0{b:03d}",
    "+49 30 23125 {b:03d}",
    "01632 96{a:04d}",
)
PAGES: Final = (
    "https://www.gofundme.com/f/{slug}",
    "https://ko-fi.com/{slug}",
    "https://www.patreon.com/{slug}",
    "https://{slug}.redbubble.com/shop",
    "https://www.amazon.com/dp/B0{tag}?tag={slug}-20",
    "https://{slug}.teachable.com/p/after",
    "https://www.bbc.co.uk/news/health-{number}",
    "https://www.samaritans.org/how-we-can-help/{slug}",
    "https://www.{slug}.example/2026/01/notes?ref=post#top",
    "{slug}.example/about-me",
)
CARRIERS: Final = {
    "email": "You can write to me at {value} if you like.",
    "phone": "My number is {value}, ring twice.",
    "url": "It is all on {value} for those who ask.",
    "mention": "{value} knows the rest of this.",
    "self": "Signed, {value}.",
    "profile": "My other posts are at {value} still.",
}


def _slug(rng: np.random.Generator) -> str:
    letters = "bcdfghjklmnpqrstvwz"
    vowels = "aeiou"
    return "".join(
        letters[rng.integers(len(letters))] + vowels[rng.integers(len(vowels))] for _ in range(6)
    )


def plant(
    rng: np.random.Generator, author: Person, others: tuple[Person, ...]
) -> tuple[str, str | None, tuple[PlantedName, ...]]:
    """Write one sentence that identifies somebody.

    Returns the sentence, the page it links to (if any), and what it planted beyond the names of
    `others`, which are listed once for the whole community.
    """
    kind = ("email", "phone", "url", "mention", "self", "profile")[rng.integers(6)]
    friend = others[rng.integers(len(others))]
    link: str | None = None
    planted: list[PlantedName] = []
    if kind == "email":
        value = f"{_slug(rng)}@{_slug(rng)}.example"
        planted = [_name("email", value)]
    elif kind == "phone":
        pattern = PHONES[rng.integers(len(PHONES))]
        value = pattern.format(a=int(rng.integers(10_000)), b=int(rng.integers(1_000)))
        planted = [_name("phone", value)]
    elif kind == "url":
        value, planted = _page(rng)
        link = value
    elif kind == "mention":
        value = f"@{friend.name}" if author.platform == "bluesky" else f"u/{friend.name}"
    elif kind == "self":
        value = f"@{author.name}" if author.platform == "bluesky" else _signature(author)
    else:
        value = _profile(author)
        link = value
        planted = [_name("url", value)]
    return CARRIERS[kind].format(value=value), link, tuple(planted)


def _page(rng: np.random.Generator) -> tuple[str, list[PlantedName]]:
    slug = _slug(rng)
    tag = "".join("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"[i] for i in rng.integers(0, 32, 8))
    page = PAGES[rng.integers(len(PAGES))]
    value = page.format(slug=slug, tag=tag, number=int(rng.integers(10**7, 10**8)))
    return value, [_name("url", value)] + ([_name("url", slug)] if "{slug}" in page else [])


def _signature(author: Person) -> str:
    return f"u/{author.name}" if author.is_word else author.name


def _profile(person: Person) -> str:
    if person.platform == "bluesky":
        return f"https://bsky.app/profile/{person.name}"
    return f"https://www.reddit.com/user/{person.name}"


def _name(kind: NameKind, value: str) -> PlantedName:
    return PlantedName(kind, value, is_high_entropy=True)


def names_of(person: Person) -> list[PlantedName]:
    """List what an account is known by."""
    is_reddit = person.platform == "reddit"
    names = [
        PlantedName("account_name" if is_reddit else "handle", person.name, not person.is_word),
        PlantedName("native_id" if is_reddit else "did", person.native_id, True),
    ]
    if not is_reddit:
        names.append(
            PlantedName("display_name", person.display_name, len(person.display_name) >= 10)
        )
    if person.former_name is not None:
        names.append(PlantedName("handle", person.former_name, True))
    return names
