"""What a test needs from outside the checkout, and what becomes of it where that is absent.

A contributor's machine need not have everything: there the test skips and says what is missing.
With `CI=true` nothing that `.ci/run` installs may be missing, so such a skip is a failure.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def needs_program(program: str, *, package: str) -> Path:
    """Return where `program` is, or skip the test naming its Debian `package`.

    PostgreSQL's server programs (`initdb`, `postgres`) are found beside its version, too.
    """
    found = shutil.which(program) or _newest_postgresql(program)
    if found is None:
        missing(f"{program} is not installed: Debian package {package} (make system)")
    return Path(found)


def needs_folder(folder: Path, *, remedy: str) -> Path:
    """Return `folder` if it is there, or skip the test with the `remedy` that makes it."""
    if not folder.is_dir():
        missing(f"{folder.name} is not there ({remedy})")
    return folder


def missing(reason: str) -> NoReturn:
    """Skip the running test for `reason`; fail it where `CI=true`."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}; with CI=true nothing may be missing", pytrace=False)
    pytest.skip(reason)


def shared_folder() -> Path:
    """Return the folder of recordings, or skip: they are lent, so a clone need not have them.

    `CONFIDE_SHARED` names it, relative to the repository where it is not absolute.
    """
    folder = (REPOSITORY / os.environ.get("CONFIDE_SHARED", "../shared")).resolve()
    if not (folder / "recordings").is_dir():
        pytest.skip("the recordings are not here: CONFIDE_SHARED (default ../shared) has none")
    return folder


def _newest_postgresql(program: str) -> str | None:
    found = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
    return str(max(found, key=lambda path: int(path.parents[1].name), default="")) or None
