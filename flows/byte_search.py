"""Whether something stands in a study's files: a key, ids. Every byte is looked at, once."""

import mmap
import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from connectors.keys import ProjectKey


def forms_of(key: ProjectKey) -> tuple[bytes, ...]:
    """Spell a key in each way in which it may have been written down."""
    secret, digits = key.secret, key.secret.hex().encode()
    coded = {b64encode(secret).rstrip(b"="), urlsafe_b64encode(secret).rstrip(b"=")}
    return (secret, digits, digits.upper(), *sorted(coded))


def search(folder: Path, words: Collection[bytes]) -> dict[str, set[bytes]]:
    """Map each file below `folder` in which any of these words stands to those that do."""
    if not words:
        return {}
    longest_first = sorted(words, key=len, reverse=True)  # one may begin like another
    pattern = re.compile(b"|".join(map(re.escape, longest_first)))
    found: dict[str, set[bytes]] = {}
    for path in _files(folder):
        with suppress(FileNotFoundError):  # it went meanwhile
            if here := _words_in(path, pattern):
                found[str(path.relative_to(folder))] = here
    return found


def _words_in(path: Path, pattern: re.Pattern[bytes]) -> set[bytes]:
    if not path.stat().st_size:
        return set()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {match.group() for match in pattern.finditer(content)}


def _files(folder: Path) -> Iterator[Path]:
    for place, _folders, names in os.walk(folder):
        for path in (Path(place) / name for name in names):
            if path.is_file() and not path.is_symlink():
                yield path
