"""Reading study.toml: the model's complaints as one sentence with file and line."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schema.errors import StudyInvalid
from schema.study import Study

_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+)\s*=")
_PLACE = re.compile(r"^((?:policy|platforms|source)\.[A-Za-z0-9_.\-]+)(?:\[\d+\])?")
_SOURCE_NUMBER = re.compile(r"^source\.(\d+)")
_REMEDIES = {
    "extra_forbidden": "is not a key of a study: remove or respell it",
    "missing": "is missing: add it",
}


def load_study(path: Path) -> Study:
    """Read and validate a study.

    Raises:
        StudyInvalid: no file, no TOML, or a rule broken; names file, line, rule and remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyInvalid(
            f"{path} does not exist: name the study's folder with --study, "
            "or make one with `confide init DIR`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyInvalid(f"{path} cannot be read: {type(error).__name__}") from None
    try:
        return Study.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise StudyInvalid(f"{path} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise StudyInvalid(_sentence(path, text, error.errors(include_url=False))) from None


def _sentence(path: Path, text: str, errors: Sequence[ErrorDetails]) -> str:
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")  # a typo first
    message = first["msg"].removeprefix("Value error, ")
    keys = _keys(first["loc"])
    if named := _PLACE.match(message):  # a rule across sections names its own place
        keys, message = tuple(named[1].split(".")), message[named.end() :]
    place = _SOURCE_NUMBER.sub(lambda n: f"source {int(n[1]) + 1}", ".".join(map(str, keys)))
    remedy = _REMEDIES.get(first["type"])
    more = f" ({len(errors) - 1} more behind it)" if len(errors) > 1 else ""
    told = f"{place} {remedy}" if remedy else f"{place}{'' if named else ':'} {message.strip()}"
    return f"{path}, line {line_of(text, keys)}: {told.removeprefix(': ')}{more}"


def _keys(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Drop the union's tag that pydantic puts behind a source's number."""
    if len(loc) > 2 and loc[0] == "source" and isinstance(loc[1], int):
        return (*loc[:2], *loc[3:])
    return tuple(key for key in loc if not str(key).startswith(("function-", "literal[")))


def line_of(text: str, keys: Sequence[int | str]) -> int:
    """Find the line that sets the longest known part of `keys`; 1 where none does."""
    wanted = tuple(str(key) for key in keys)
    best, best_depth = 1, 0
    header: tuple[str, ...] = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.match(line):
            header = tuple(match[2].split("."))
            if match[1] == "[[":
                seen[match[2]] = seen.get(match[2], -1) + 1
                header = (*header, str(seen[match[2]]))
            here = header
        elif match := _KEY.match(line):
            here = (*header, match[1])
        else:
            continue
        if len(here) > best_depth and wanted[: len(here)] == here:
            best, best_depth = number, len(here)
    return best
