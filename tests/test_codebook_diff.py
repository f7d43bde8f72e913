"""Versions of a codebook: which part of the number a change raises, and what is coded again."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from annotation.codebook import load_codebook
from annotation.codebook_diff import diff
from schema.codebook import Codebook
from schema.codebook_check import codebook_from
from tests.test_codebook import CODEBOOK

ABOVE = ("community", "root", "thread", "timeline")  # these rest on struggleposting
MOVED = ("reply", "root", "timeline")
DATA = CODEBOOK.model_dump(mode="json", by_alias=True)


def changed(edit: Callable[[dict[str, Any]], object], version: str = "1.0.0") -> Codebook:
    """Return our codebook after an edit, of a version."""
    data = deepcopy(DATA)
    edit(data)
    data["codebook"]["version"] = version
    return codebook_from(data)


def nothing(_data: dict[str, Any]) -> None:
    """Leave it."""


def test_a_codebook_does_not_differ_from_itself() -> None:
    found = diff(CODEBOOK, load_codebook())
    assert (found.changes, found.needed, found.is_enough, found.recoded) == ((), None, True, ())
    assert diff(CODEBOOK, changed(nothing, "1.0.1")).is_enough


@pytest.mark.parametrize(
    ("edit", "part", "recoded"),
    [
        (lambda d: d["codes"][0].update(definition="Something else."), "major", ABOVE),
        (lambda d: d["codes"].pop(0), "major", ABOVE),
        (lambda d: d["codes"][1].update(gate="none"), "major", ("root",)),
        (lambda d: d["annotation_projects"][0]["plus_codes"].pop(), "major", MOVED),
        (lambda d: d["codes"][0]["decision_rules"].pop(), "minor", ()),
        (lambda d: d["claims"].pop(), "minor", ()),
        (lambda d: d["codes"].append({**d["codes"][0], "id": "new_one"}), "minor", ()),
        (lambda d: d["codes"][0].update(hotkey="9"), "patch", ()),
        (lambda d: d["codes"][0].update(name="Struggle posting"), "patch", ()),
        (
            lambda d: d["codes"][0].update(definition=d["codes"][0]["definition"].upper() + "!"),
            "patch",
            (),
        ),
    ],
)
def test_a_change_raises_its_part_of_the_number(
    edit: Callable[[dict[str, Any]], object], part: str, recoded: tuple[str, ...]
) -> None:
    found = diff(CODEBOOK, changed(edit, "2.0.0"))
    assert (found.needed, found.recoded) == (part, recoded)
    assert found.is_enough


@pytest.mark.parametrize(
    ("version", "enough"),
    [("0.9.0", False), ("1.0.0", False), ("1.0.1", False), ("1.1.0", True), ("2.0.0", True)],
)
def test_a_number_may_say_more_but_not_less_than_the_changes(version: str, enough: bool) -> None:
    def edit(data: dict[str, Any]) -> None:
        data["codes"][0]["decision_rules"].pop()

    assert diff(CODEBOOK, changed(edit, version)).is_enough is enough
