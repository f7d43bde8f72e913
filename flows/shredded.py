"""The mark of a study at its end: nothing that needs the vault runs in it any more."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from annotation.label_studio_home import write_private
from schema.errors import PolicyRefused

MARK = "shredded.json"


@dataclass(frozen=True, slots=True)
class Shredding:
    """When a study's vault was destroyed, and the id of the key that opened it."""

    at: str
    key_id: str
    is_complete: bool = False


def read_mark(study_directory: Path) -> Shredding | None:
    """Read the mark; None where the study was not shredded."""
    path = study_directory / MARK
    if not path.exists():
        return None
    try:
        return Shredding(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError):
        return Shredding(at="an unknown time", key_id="unknown")  # a damaged mark is still one


def write_mark(study_directory: Path, shredding: Shredding) -> None:
    """Mark the study."""
    write_private(study_directory / MARK, json.dumps(asdict(shredding)))


def refuse_if_shredded(study_directory: Path) -> None:
    """Refuse what needs the vault.

    Raises:
        PolicyRefused: the study was shredded.
    """
    if mark := read_mark(study_directory):
        raise PolicyRefused(
            f"this study was shredded on {mark.at[:10]}: nothing may be collected or linked again "
            "(R12); sql, verdicts and publish still work on what it holds"
        )
