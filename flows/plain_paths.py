"""Where plain tables are read from and written to; a result takes its name when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schema.errors import BadInput

ENDINGS: Final = (".parquet", ".csv", ".ndjson")
PRIVATE: Final = 0o600


def kind_of(source: Path, target: Path) -> str:
    """Return the ending of both.

    Raises:
        BadInput: they are no tables of one kind, one is missing, or the other is in the way.
    """
    for path in (source, target):
        if path.suffix not in ENDINGS:
            raise BadInput(f"{path.name}: a table ends in {', '.join(ENDINGS)}; name it so")
    if source.suffix != target.suffix:
        raise BadInput(f"{target.name}: the result is of the input's kind; end it {source.suffix}")
    if not source.is_file():
        raise BadInput(f"{source}: there is no such file")
    if target.exists():
        raise BadInput(f"{target}: is there already; remove it or choose another name")
    return source.suffix


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Give a private file beside `target` that takes its name once the block has ended well.

    Raises:
        BadInput: the file cannot be written.
    """
    part = target.with_name(f".{target.name}.part")
    try:
        part.touch(mode=PRIVATE)
    except OSError as error:
        raise BadInput(
            f"{target}: cannot be written ({error.strerror}); choose another place"
        ) from None
    try:
        yield part
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
