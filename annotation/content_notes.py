"""Content notes: what a unit tells of and how intense it is, by words alone, before it is read."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import NamedTuple

from annotation.form import CARDS
from schema.coding import CodingTask


class ContentNote(NamedTuple):
    """A unit's topics, in the order of the lists, and whether one of them is intense."""

    topics: tuple[str, ...]
    is_intense: bool

    @property
    def sentence(self) -> str:
        """Say it as the form shows it."""
        named = ", ".join(topic.replace("-", " ") for topic in self.topics)
        topics = f"Topics: {named}" if named else "No topic was found by words; it may have one"
        return f"{topics}. Intensity: {'high' if self.is_intense else 'lower'}. Skip it freely."


def content_note(task: CodingTask) -> ContentNote:
    """Find the topics of all that a task shows; a card has none."""
    if task.unit_kind in CARDS:
        return ContentNote((), is_intense=False)
    shown = "\n".join((task.title, task.text, *(turn.text for turn in task.thread)))
    words = shown.lower().replace("\u2019", "'")
    intense, other = _lists()
    found = [topic for topic, phrases in {**intense, **other}.items() if phrases.search(words)]
    return ContentNote(tuple(found), is_intense=any(topic in intense for topic in found))


def with_notes(tasks: Sequence[CodingTask]) -> dict[int, tuple[CodingTask, ContentNote]]:
    """Give each task its note, by unit; a card keeps the one it has."""
    noted = {}
    for task in tasks:
        note = content_note(task)
        shown = task if task.unit_kind in CARDS else replace(task, content_note=note.sentence)
        noted[task.unit_key] = (shown, note)
    return noted


def topics() -> tuple[str, ...]:
    """Name the topics that a coder may wish to avoid."""
    intense, other = _lists()
    return (*intense, *other)


@cache
def _lists() -> tuple[Mapping[str, re.Pattern[str]], Mapping[str, re.Pattern[str]]]:
    text = (resources.files("annotation") / "content_notes.toml").read_text("utf-8")
    read = tomllib.loads(text)
    intense, other = (
        {topic: _pattern(phrases) for topic, phrases in read[part].items()}
        for part in ("intense", "other")
    )
    return intense, other


def _pattern(phrases: list[str]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(re.escape(phrase) for phrase in phrases)})\b")
