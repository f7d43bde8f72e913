"""Who writes what when: threads of submissions and comments, of Bluesky posts and replies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from demo.examples import ReadyPost
from demo.history import status
from demo.identifiers import plant
from demo.ids import base36, post_uri, record_key
from demo.model import NETWORK, Person, PlantedName, Post, Reach, Venue, Wording
from demo.timing import SINCE, answer_time, root_times, split
from demo.truth import reply_values, root_values
from demo.writing import BLUESKY_CHARS, Draft, Writer, sentences
from schema.vocabulary import Platform, PostKind

SUBMISSION_BASE: Final = int("1q2a0k0", 36)
COMMENT_BASE: Final = int("nxk3a00", 36)
IDENTIFIED_SHARE: Final = 0.12
SELF_SHARE: Final = 0.14
SKY_STRUGGLE_SHARE: Final = 0.42
FLAIRS: Final = ("Vent", "Advice wanted", "Update", "Check-in")
CHAIN: Final = 12  # depth of one thread: deeper than Reddit shows at once
WIDE: Final = 70  # answers of one thread: more than a short listing of comments shows


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each; people are per platform."""

    people: int = 120
    submissions: int = 260
    comments: int = 1_200
    bluesky_posts: int = 250
    bluesky_replies: int = 500


@dataclass(slots=True)
class Crowd:
    """One platform's people while they write."""

    rng: np.random.Generator
    people: tuple[Person, ...]
    venues: tuple[Venue, ...]
    size: Size
    root_examples: list[ReadyPost]
    reply_examples: list[ReadyPost]
    planted: list[PlantedName] = field(default_factory=list)
    writer: Writer = field(init=False)
    _author_weights: np.ndarray = field(init=False)  # type: ignore[type-arg]
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Give every account its share of the talk: a few write a lot."""
        self.writer = Writer(self.rng)
        weights = 1.0 / (np.arange(len(self.people)) + 12.0)
        self.rng.shuffle(weights)
        self._author_weights = weights / weights.sum()

    def submissions(self) -> list[Post]:
        """Write Reddit's submissions and their comment trees."""
        open_venues = [venue for venue in self.venues if venue.weight > 0]
        weights = np.array([venue.weight for venue in open_venues])
        posts = [
            self._safety(code, days)
            for code, days in (("crisis_flag", 9), ("identifying_detail", 12))
        ]
        for at in root_times(self.rng, self.size.submissions - len(posts)):
            venue = open_venues[int(self.rng.choice(len(open_venues), p=weights / weights.sum()))]
            posts.append(self._submission(venue, at))
        posts += [
            self._submission(venue, at)
            for venue in self.venues
            if venue.weight == 0
            for at in root_times(self.rng, 3)
        ]
        counts = split(self.rng, self.size.comments, self.size.submissions)
        counts[self.size.submissions // 4] += CHAIN
        counts[self.size.submissions // 2] += WIDE
        comments = [
            reply
            for index, (root, count) in enumerate(zip(posts, counts, strict=False))
            for reply in self._thread(root, count, chain=index == self.size.submissions // 4)
        ]
        return posts + comments

    def skyposts(self) -> list[Post]:
        """Write Bluesky's posts, their replies, and quotes of earlier posts."""
        roots: list[Post] = []
        for index, at in enumerate(root_times(self.rng, self.size.bluesky_posts)):
            quoted = roots[int(self.rng.integers(len(roots)))] if index % 14 == 13 else None
            roots.append(self._skyroot(at, quoted))
        counts = split(self.rng, self.size.bluesky_replies, len(roots))
        counts[len(roots) // 3] += CHAIN
        replies = [
            reply
            for index, (root, count) in enumerate(zip(roots, counts, strict=True))
            for reply in self._thread(root, count, chain=index == len(roots) // 3)
        ]
        return roots + replies

    def _submission(self, venue: Venue, at: datetime) -> Post:
        draft, values = self._root_text("reddit", venue.struggle_share)
        author = self._author(at)
        text, link = self._identify(draft.text, author, 40_000)
        struggle = bool(values.get("struggleposting"))
        return self._post(
            "submission", author, at, text, (draft, values), venue=venue.name, link=link,
            title=self.writer.title(is_struggle=struggle),
            flair=FLAIRS[int(self.rng.integers(4))] if struggle else None,
        )  # fmt: skip

    def _safety(self, code: str, days: int) -> Post:
        """Write the one post that a safety code is planted on."""
        line = sentences("plain")[code]["root"][0]
        draft = Draft(line, ((code, line), ("struggleposting", line)), (line,))
        values = {code: 1, "struggleposting": 2}
        at = SINCE + timedelta(days=days, hours=20)
        venue = self.venues[0].name
        author = self._author(at)
        title = self.writer.title(is_struggle=True)
        return self._post("submission", author, at, line, (draft, values), venue=venue, title=title)

    def _skyroot(self, at: datetime, quoted: Post | None) -> Post:
        draft, values = self._root_text("bluesky", SKY_STRUGGLE_SHARE)
        author = self._author(at)
        text, link = self._identify(draft.text, author, BLUESKY_CHARS)
        picture = "A windowsill with one plant and a cup" if self.rng.random() < 0.06 else None
        return self._post(
            "post", author, at, text, (draft, values), link=link,
            quote_of=quoted.native_id if quoted else None, picture_alt=picture,
        )  # fmt: skip

    def _root_text(self, platform: Platform, share: float) -> tuple[Draft, dict[str, int]]:
        """Write a root post: now and then one of the codebook's examples."""
        if self.root_examples and self.rng.random() < 0.35:
            ready = self.root_examples.pop()
            return _draft_of(ready, self.writer), dict(ready.values)
        values = root_values(self.rng, platform, struggle_share=share)
        return self.writer.root(platform, values)

    def _thread(self, root: Post, count: int, *, chain: bool) -> list[Post]:
        """Write a root's answers: a tree that grows at its newer ends, or one long chain."""
        replies: list[Post] = []
        for _ in range(count):
            parent = root
            if replies and (chain or self.rng.random() < 0.5):
                reach = 1 if chain else min(6, len(replies))
                parent = replies[-1 - int(self.rng.integers(reach))]
            replies.append(self._answer(root, parent))
        return replies

    def _answer(self, root: Post, parent: Post) -> Post:
        at = answer_time(self.rng, parent.created_at)
        is_self = (
            self.rng.random() < SELF_SHARE
            and parent.author != root.author
            and status(root.author, at) == "active"
        )
        author = root.author if is_self else self._author(at, but=parent.author)
        struggle = bool(root.values.get("struggleposting"))
        if self.reply_examples and struggle and not is_self and self.rng.random() < 0.2:
            ready = self.reply_examples.pop()
            draft, values = _draft_of(ready, self.writer), dict(ready.values)
        else:
            plain = sentences("plain")
            talk = plain["neutral"]["author_reply" if is_self else "reply"]
            values = reply_values(self.rng, root.platform, root.values, is_self=is_self)
            draft, values = self.writer.reply(
                root.platform, values,
                small_talk=talk if struggle or is_self else plain["ordinary"]["reply"],
            )  # fmt: skip
        text, link = self._identify(draft.text, author, BLUESKY_CHARS, share=0.06)
        return self._post(
            "comment" if root.platform == "reddit" else "post",
            author,
            at,
            text,
            (draft, values),
            venue=root.venue,
            answers=parent,
            link=link,
        )

    def _identify(
        self, text: str, author: Person, room: int, *, share: float = IDENTIFIED_SHARE
    ) -> tuple[str, str | None]:
        """Add an identifying sentence to some texts."""
        if self.rng.random() >= share:
            return text, None
        line, link, planted = plant(self.rng, author, self.people)
        if len(text) + len(line) + 1 > room:
            return text, None
        self.planted += planted
        return f"{text} {line}", link

    def _author(self, at: datetime, *, but: Person | None = None) -> Person:
        """Choose who writes: somebody whose account stands at that time."""
        while True:
            person = self.people[int(self.rng.choice(len(self.people), p=self._author_weights))]
            if person != but and status(person, at) == "active":
                return person

    def _post(
        self,
        kind: PostKind,
        author: Person,
        at: datetime,
        text: str,
        planted: tuple[Draft, Mapping[str, int]],
        *,
        venue: str = NETWORK,
        answers: Post | None = None,
        **details: Any,
    ) -> Post:
        native_id = self._native_id(kind, author, at)
        draft, values = planted
        return Post(
            platform=author.platform,
            kind=kind,
            native_id=native_id,
            author=author,
            venue=venue,
            created_at=at,
            root_id=answers.root_id if answers else native_id,
            parent_id=answers.native_id if answers else None,
            wordings=(Wording(at, text),),
            values=values,
            evidence=draft.evidence,
            reach=draw_reach(self.rng, kind, is_root=answers is None),
            languages=(draft.language,),
            **{"title": None, **details},
        )

    def _native_id(self, kind: PostKind, author: Person, at: datetime) -> str:
        """Give an id that is not taken yet."""
        while (spelled := spell_id(self.rng, kind, author, at)) in self._taken:
            pass
        self._taken.add(spelled)
        return spelled


def spell_id(rng: np.random.Generator, kind: PostKind, author: Person, at: datetime) -> str:
    """Give an id that grows with time, as on the platform."""
    seconds = (at - SINCE).total_seconds()
    if kind == "submission":
        return "t3_" + base36(SUBMISSION_BASE + int(seconds * 11 + rng.integers(11)))
    if kind == "comment":
        return "t1_" + base36(COMMENT_BASE + int(seconds * 97 + rng.integers(97)))
    return post_uri(author.native_id, record_key(at, int(rng.integers(1_024))))


def draw_reach(rng: np.random.Generator, kind: PostKind, *, is_root: bool) -> Reach:
    """Draw where a post's counts end up: a few are seen by many."""
    likes = int(rng.lognormal(3.0 if is_root else 1.2, 1.1))
    is_sky = kind == "post"
    return Reach(
        likes=likes,
        reposts=int(likes * rng.uniform(0.02, 0.15)) if is_sky else 0,
        quotes=int(likes * rng.uniform(0.0, 0.04)) if is_sky else 0,
        tau_hours=float(rng.uniform(3.0, 18.0)),
        upvote_ratio=round(float(rng.uniform(0.71, 0.99)), 2),
    )


def _draft_of(ready: ReadyPost, writer: Writer) -> Draft:
    draft = Draft(ready.text, tuple((code, ready.text) for code in ready.values), (ready.text,))
    writer.remember(draft)
    return draft
