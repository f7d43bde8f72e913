"""Marks: where coders saw a code, in a unit's text or in a thread's replies, held against the text.

Label Studio checks no offset, and counts an emoji as a browser does in replies. No problem and no
repr carries text.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from annotation.form import EVIDENCE, REPLY_EVIDENCE

Rule = Literal[
    "malformed",
    "unknown_control",
    "unknown_code",
    "repeated_control",
    "value_off_scale",
    "value_missing",
    "value_without_tick",
    "certainty_off_scale",
    "gate_closed",
    "codes_exclude_each_other",
    "span_outside_text",
    "span_text_differs",
    "span_without_tick",
    "evidence_missing",
    "reason_unknown",
    "coded_and_not_codable",
]
ADVISORY: frozenset[Rule] = frozenset({"evidence_missing", "span_without_tick"})
# Label Studio writes a line break inside a marked text as backslash and n, and adds one where
# the mark ends at a line's end; the offsets are right.
_LOOSE = re.compile(r"\\n|\s+")


class Span(NamedTuple):
    """Where a code was seen: code points of the masked text, the end exclusive.

    `post_uid` names the reply of a thread that was marked; empty for the unit's own text.
    """

    code_id: str
    start: int
    end: int
    post_uid: str = ""


class Problem(NamedTuple):
    """A broken rule and the code or control it concerns; never a value a person typed."""

    rule: Rule
    detail: str

    @property
    def is_refusal(self) -> bool:
        """Tell whether the annotation must not be stored."""
        return self.rule not in ADVISORY


class Shown(NamedTuple):
    """What a task showed: the unit's text, and the posts around it."""

    text: str
    thread: Sequence[Any]

    def reply(self, value: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the key and text of the one reply that a mark lies in; None: no such reply."""
        place = str(value.get("start"))
        if value.get("end") != value.get("start") or not place.isdecimal():
            return None
        turn = self.thread[int(place)] if int(place) < len(self.thread) else None
        if not isinstance(turn, Mapping) or not turn.get("uid"):
            return None
        return str(turn["uid"]), str(turn.get("text"))


def read_span(asked: Collection[str], value: Mapping[str, Any], text: str) -> list[Span] | Problem:
    """Read a mark in the unit's own text."""
    start, end, marked = value.get("start"), value.get("end"), value.get("text")
    labels = strings(value.get("labels"))
    if not labels or any(label not in asked for label in labels):
        return Problem("unknown_code", EVIDENCE)
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= len(text):
        return Problem("span_outside_text", labels[0])
    if not isinstance(marked, str) or _loose(marked) != _loose(text[start:end]):
        return Problem("span_text_differs", labels[0])
    return [Span(label, start, end) for label in labels]


def read_reply_span(
    asked: Collection[str], value: Mapping[str, Any], shown: Shown
) -> list[Span] | Problem:
    """Read a mark in one of a thread's replies; one over two replies is none."""
    labels = strings(value.get("paragraphlabels"))
    if not labels or any(label not in asked for label in labels):
        return Problem("unknown_code", REPLY_EVIDENCE)
    reply = shown.reply(value)
    if reply is None:
        return Problem("span_outside_text", labels[0])
    uid, text = reply
    start, end = value.get("startOffset"), value.get("endOffset")
    if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end:
        return Problem("span_outside_text", labels[0])
    place = _place(text, start, end, str(value.get("text")))
    if place is None:
        return Problem("span_text_differs", labels[0])
    return [Span(label, *place, uid) for label in labels]


def _place(text: str, start: int, end: int, marked: str) -> tuple[int, int] | None:
    """Return a mark's code points: in replies Label Studio counts as browsers do, in UTF-16."""
    units = text.encode("utf-16-le", "surrogatepass")
    before, inside = (units[2 * one : 2 * other] for one, other in ((0, start), (start, end)))
    first = len(before.decode("utf-16-le", "ignore"))
    counted = (first, first + len(inside.decode("utf-16-le", "ignore")))
    for one, other in (counted, (start, end)):
        if _loose(text[one:other]) == _loose(marked) != "":
            return one, other
    return None


def strings(value: object) -> list[str]:
    """Return the strings of what should be a list of strings; the rest becomes an empty one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return []
    return [item if isinstance(item, str) else "" for item in value]


def _loose(text: str) -> str:
    return _LOOSE.sub("", text)
