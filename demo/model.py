"""What the invented community is made of: people, venues, posts and their fates.

Everything is frozen and holds the whole history; `history.py` says what of it stands at an instant.
All instants are UTC. `repr` shows counts and kinds alone, as for real people.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal

from schema.vocabulary import DuplicateKind, DuplicateMatch, Platform, PostKind

NETWORK: Final = "network"  # the venue of a Bluesky post
MISSING: Final = "\x00missing"  # in `Post.distortions`: the key is left out

AccountStatus = Literal["active", "deleted", "deactivated", "takendown"]
VenueState = Literal["public", "private", "banned", "quarantined", "nsfw"]
Fate = Literal["deleted_by_author", "removed_by_moderator", "taken_down", "not_found"]
NameKind = Literal[
    "account_name", "display_name", "did", "native_id", "handle", "email", "phone", "url"
]


@dataclass(frozen=True, slots=True)
class AccountChange:
    """An account's status from an instant on."""

    at: datetime
    status: AccountStatus


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """An invented account: a Reddit name with its `t2_` id, or a Bluesky handle with its DID."""

    platform: Platform
    name: str
    native_id: str
    display_name: str
    created_at: datetime
    is_word: bool = False
    is_hidden_logged_out: bool = False
    changes: tuple[AccountChange, ...] = ()
    former_name: str | None = None
    renamed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Venue:
    """A subreddit."""

    name: str
    native_id: str
    state: VenueState
    struggle_share: float
    weight: float
    subscribers: int
    title: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class Wording:
    """A text a post has had, from an instant on."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a post's counts end up, and how fast: n(t) = total x (1 - exp(-age / tau))."""

    likes: int
    reposts: int
    quotes: int
    tau_hours: float
    upvote_ratio: float


@dataclass(frozen=True, slots=True)
class Gone:
    """When and how a post went."""

    at: datetime
    fate: Fate


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Post:
    """One submission, comment or Bluesky post, with its planted truth.

    `values` maps code ids to planted values ≥ 1 (a code that is absent is 0); `evidence` pairs a
    code with the sentence that carries it, found word for word in the text it is first given.
    `distortions` overrides fields on the wire: a malformed item.
    """

    platform: Platform
    kind: PostKind
    native_id: str
    author: Person
    venue: str
    created_at: datetime
    root_id: str
    parent_id: str | None
    title: str | None
    wordings: tuple[Wording, ...]
    values: Mapping[str, int]
    evidence: tuple[tuple[str, str], ...]
    reach: Reach
    claimed_at: str | None = None
    languages: tuple[str, ...] = ("en",)
    link: str | None = None
    flair: str | None = None
    quote_of: str | None = None
    crosspost_of: str | None = None
    picture_alt: str | None = None
    gone: Gone | None = None
    distortions: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        """Whether it opens a thread."""
        return self.parent_id is None

    @property
    def text(self) -> str:
        """The text it began with."""
        return self.wordings[0].text


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A planted duplicate: `copy_id` says what `original_id` said."""

    original_id: str = field(repr=False)
    copy_id: str = field(repr=False)
    kind: DuplicateKind
    match: DuplicateMatch
    edited_share: float


@dataclass(frozen=True, slots=True, repr=False)
class PlantedName:
    """A string that must be found nowhere outside the vault.

    `is_high_entropy`: looked for everywhere; else only as a whole value and in its `@x`, `u/x`
    and URL forms.
    """

    kind: NameKind
    value: str
    is_high_entropy: bool


@dataclass(frozen=True, repr=False)
class Community:
    """Both platforms' people, venues and posts over the whole window, and what was planted."""

    seed: int
    since: datetime
    until: datetime
    people: tuple[Person, ...]
    venues: tuple[Venue, ...]
    posts: tuple[Post, ...]
    duplicates: tuple[Duplicate, ...]
    blocks: tuple[tuple[str, str], ...]
    likes: tuple[tuple[str, str, datetime], ...]
    reposts: tuple[tuple[str, str, datetime], ...]
    effects: Mapping[str, str]
    strings: tuple[PlantedName, ...]

    def __repr__(self) -> str:
        """Show counts alone."""
        return f"Community(seed={self.seed}, people={len(self.people)}, posts={len(self.posts)})"

    @cached_property
    def by_id(self) -> Mapping[str, Post]:
        """Every post by its native id."""
        return {post.native_id: post for post in self.posts}

    @cached_property
    def answers(self) -> Mapping[str, tuple[Post, ...]]:
        """Direct replies by the id they answer, oldest first."""
        grouped: dict[str, list[Post]] = {}
        for post in self.posts:
            if post.parent_id is not None:
                grouped.setdefault(post.parent_id, []).append(post)
        return {key: tuple(sorted(posts, key=_age)) for key, posts in grouped.items()}

    @cached_property
    def by_author(self) -> Mapping[str, tuple[Post, ...]]:
        """Every account's posts by its native id, oldest first."""
        grouped: dict[str, list[Post]] = {}
        for post in self.posts:
            grouped.setdefault(post.author.native_id, []).append(post)
        return {key: tuple(posts) for key, posts in grouped.items()}

    @cached_property
    def quotes(self) -> Mapping[str, tuple[Post, ...]]:
        """Posts that quote a post, by the quoted id."""
        grouped: dict[str, list[Post]] = {}
        for post in self.posts:
            if post.quote_of is not None:
                grouped.setdefault(post.quote_of, []).append(post)
        return {key: tuple(posts) for key, posts in grouped.items()}

    @cached_property
    def crossposts(self) -> Mapping[str, tuple[Post, ...]]:
        """Reddit crossposts, by the id they repeat."""
        grouped: dict[str, list[Post]] = {}
        for post in self.posts:
            if post.crosspost_of is not None:
                grouped.setdefault(post.crosspost_of, []).append(post)
        return {key: tuple(posts) for key, posts in grouped.items()}

    def person(self, name_or_id: str) -> Person | None:
        """Find an account by its name, former name or id; None when there is none."""
        return self._directory.get(name_or_id.lower())

    def planted_names(self) -> tuple[PlantedName, ...]:
        """List every identifying string of this community, for the privacy scan."""
        return self.strings

    def roots(self, platform: Platform) -> tuple[Post, ...]:
        """Root posts of a platform, oldest first."""
        chosen = [post for post in self.posts if post.platform == platform and post.is_root]
        return tuple(sorted(chosen, key=_age))

    @cached_property
    def _directory(self) -> Mapping[str, Person]:
        names: dict[str, Person] = {}
        for person in self.people:
            names[person.name.lower()] = names[person.native_id.lower()] = person
        return names


def _age(post: Post) -> tuple[datetime, str]:
    return post.created_at, post.native_id
