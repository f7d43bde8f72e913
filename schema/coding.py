"""Units of analysis and what coders said about them."""

from dataclasses import dataclass, field

import dataframely as dy

from schema.posts import KEYED, PUBLIC
from schema.vocabulary import PLATFORMS, UNIT_KINDS, UnitKind


class FrameUnit(dy.Schema):
    """A unit that may be drawn: the sampling frame."""

    unit_key = dy.UInt64(primary_key=True, description="post_key of the unit", metadata=KEYED)
    version_key = dy.UInt64(description="the wording on show", metadata=KEYED)
    thread_key = dy.UInt64(
        nullable=True, description="its thread's root; null where that is gone", metadata=KEYED
    )
    platform = dy.Enum(PLATFORMS, description="stratum variable")
    week = dy.Date(description="Monday of the week of created_at, UTC; stratum variable")
    community_kind = dy.String(description="subreddit, feed or network; stratum variable")
    volume = dy.String(description="root posts of its venue that week: low < 10, mid < 100, high")
    author_pseudonym = dy.String(description="for the cap per author", metadata=KEYED)
    cluster_key = dy.UInt64(description="duplicates' cluster: one unit each", metadata=KEYED)
    bands = dy.String(description="a digit per word list: phrases of it found, 2 for more")
    least_probability = dy.Float64(
        min=0, max=1, description="of a root: the chance its replies ask of it; 0: no more than all"
    )


class Unit(dy.Schema):
    """A drawn unit of analysis with its known chance."""

    wave = dy.String(primary_key=True, description="wave of the study", metadata=PUBLIC)
    round = dy.String(primary_key=True, description="coding round, e.g. R1", metadata=PUBLIC)
    unit_kind = dy.Enum(UNIT_KINDS, primary_key=True, description="what a coder sees")
    unit_key = dy.UInt64(primary_key=True, description="post_key of the unit", metadata=KEYED)
    version_key = dy.UInt64(description="the wording on show", metadata=KEYED)
    stratum = dy.String(description="platform|week", metadata=PUBLIC)
    inclusion_probability = dy.Float64(min=0, max=1, description="chance fixed before drawing")
    weight = dy.Float64(min=1, description="1 / inclusion_probability")
    drawn_at = dy.Datetime(time_zone="UTC", description="when it was drawn")


class Coding(dy.Schema):
    """One coder's value for one code of one unit, one revision of it."""

    wave = dy.String(primary_key=True, description="wave of the study")
    round = dy.String(primary_key=True, description="coding round")
    unit_kind = dy.Enum(UNIT_KINDS, primary_key=True, description="what the coder saw")
    unit_key = dy.UInt64(primary_key=True, description="post_key of the unit", metadata=KEYED)
    coder = dy.String(primary_key=True, description="coder's pseudonym")
    code_id = dy.String(primary_key=True, description="code of the codebook")
    annotation_id = dy.Int64(primary_key=True, description="Label Studio's id")
    revised_at = dy.Datetime(time_zone="UTC", primary_key=True, description="of this revision")
    value = dy.Int32(min=0, max=2, description="0 absent, 1, 2; binary codes 0 or 1")
    certainty = dy.Int32(min=1, max=3, description="3 unless the coder says less")
    codebook_version = dy.String(description="codebook in force")
    coded_at = dy.Datetime(time_zone="UTC", description="when it was first submitted")
    lead_seconds = dy.Float64(nullable=True, min=0, description="time on the unit")


class EvidenceSpan(dy.Schema):
    """Where in a masked text a coder saw a code: offsets in code points, no text.

    The text is the unit's own or, of a thread, that of a reply which is shown in it.
    """

    annotation_id = dy.Int64(primary_key=True, description="Label Studio's id")
    revised_at = dy.Datetime(time_zone="UTC", primary_key=True, description="of this revision")
    unit_key = dy.UInt64(primary_key=True, description="post that is marked", metadata=KEYED)
    code_id = dy.String(primary_key=True, description="code of the codebook")
    span_start = dy.Int64(primary_key=True, min=0, description="first code point")
    span_end = dy.Int64(primary_key=True, min=0, description="one past the last code point")


@dataclass(frozen=True, slots=True)
class Turn:
    """One post of the context shown above a unit, or of a thread."""

    author: str
    text: str = field(repr=False)
    post_uid: str = ""  # of a thread's reply: evidence may be marked in it


@dataclass(frozen=True, slots=True)
class CodingTask:
    """What a coder gets to see of one unit: masked text only."""

    unit_key: int
    unit_kind: UnitKind
    title: str = field(repr=False)
    text: str = field(repr=False)
    thread: tuple[Turn, ...] = field(repr=False)
    content_note: str
    parts: str = ""  # of a card: a digest of the posts it is made of
    is_ready: bool = True  # else what it rests on is not coded yet

    @property
    def post_uid(self) -> str:
        """The unit's key as Label Studio carries it: 16 hexadecimal digits."""
        return f"{self.unit_key:016x}"
