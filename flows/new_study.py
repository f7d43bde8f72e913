"""`confide init`: a commented study, and its key outside of it."""

import re
import secrets
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from flows.file_modes import PASSABLE, close_to_others
from flows.workspace import key_file
from schema.errors import BadInput
from schema.study_file import load_study

KEY_BYTES = 32
IGNORED = """# everything here is data about people but these two files
*
!study.toml
!codebook.yaml
!.gitignore
"""


def write_study(directory: Path) -> list[str]:
    """Write study.toml, .gitignore and a key; keep whatever is there already.

    Raises:
        BadInput: the folder holds a study or may not be written, or its name cannot be a study's.
    """
    try:
        return _write_study(directory)
    except OSError as error:
        place = error.filename or directory
        raise BadInput(
            f"{place} cannot be written ({type(error).__name__}): choose a folder of your own"
        ) from None


def _write_study(directory: Path) -> list[str]:
    name = re.sub(r"[^A-Za-z0-9]+", "-", directory.resolve().name).strip("-")
    if not name:
        raise BadInput(f"{directory} gives no name for a study: use letters, digits or dashes")
    path = directory / "study.toml"
    if path.exists():
        raise BadInput(f"{path} exists already: nothing was changed")
    if not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(PASSABLE)
    template = files("flows").joinpath("study_template.toml").read_text(encoding="utf-8")
    year = str(datetime.now(UTC).year)
    path.write_text(template.replace("STUDY-NAME", name).replace("YEAR", year), "utf-8")
    (directory / ".gitignore").write_text(IGNORED, "utf-8")
    close_to_others(directory)
    load_study(path)  # the template must satisfy its own schema
    said = [f"wrote {path}: name your sources there"]
    key = key_file(name)
    if key.exists():
        return [*said, f"found the key {key}: it stays as it is"]
    write_key(key, secrets.token_bytes(KEY_BYTES))
    return [*said, f"wrote {key} (0600): keep a copy in a safe, without it nothing can be linked"]


def write_key(path: Path, key: bytes) -> None:
    """Write a project key that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(key.hex() + "\n", "ascii")
