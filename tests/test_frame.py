"""The project's frame: locks, wheel, continuous integration and what a test may need."""

import ast
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.needs import REPOSITORY, needs_program, shared_folder

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
ROOMS: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LOCKS = ["requirements.lock", "label-studio/requirements.lock", ".ci/duckdb2.lock"]
COPYLEFT = re.compile(r"(?<![L])GPL|GNU (Affero )?General Public", re.IGNORECASE)


def run(*command: str | Path, cwd: Path = REPOSITORY, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout


def entries(lock: Path) -> list[str]:
    return re.split(r"\n(?=[^\s])", lock.read_text().replace("\\\n", "").strip())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_entry_of_a_lock_has_an_exact_version_and_a_hash(lock):
    exact = re.compile(r"[\w.-]+(\[[\w, -]+\])?==[\w.!+]+ .*--hash=sha256:", re.DOTALL)
    wrong = [entry for entry in entries(REPOSITORY / lock) if not exact.match(entry)]
    assert wrong == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_host_or_an_option_of_the_index(lock):
    text = (REPOSITORY / lock).read_text()
    assert not re.search(r"://|^--|/simple", text, re.MULTILINE)


def test_the_lock_keeps_every_range_the_project_declares():
    locked = dict(
        re.match(r"([\w.-]+)(?:\[.*?\])?==(\S+)", entry).groups()
        for entry in entries(REPOSITORY / "requirements.lock")
    )
    declared = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]
    wrong = [
        str(requirement)
        for requirement in map(Requirement, declared)
        if not requirement.specifier.contains(locked[requirement.name.lower()])
    ]
    assert wrong == []


def test_nothing_a_user_installs_is_under_the_gpl():
    installed = run_time_packages()
    assert {"prefect", "polars", "praw", "h2", "greenlet"} <= installed
    assert "krippendorff" not in installed
    # text-unidecode (Prefect's) may be taken under the Artistic License instead
    copyleft = [name for name in installed if COPYLEFT.search(licence(name))]
    assert [name for name in copyleft if "Artistic" not in licence(name)] == []


def run_time_packages() -> set[str]:
    """Return every package the project's dependencies bring along on this machine."""
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    while waiting:
        wanted = waiting.pop()
        for extra in {"", *wanted.extras} - {e for name, e in seen if name == wanted.name.lower()}:
            seen.add((wanted.name.lower(), extra))
            asked = map(Requirement, metadata.requires(wanted.name) or [])
            waiting += [r for r in asked if not r.marker or r.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def licence(name: str) -> str:
    about = metadata.metadata(name)
    classifiers = [line for line in about.get_all("Classifier", []) if line.startswith("License")]
    short = (about.get("License") or "").split("\n", maxsplit=1)[0]
    return " ".join([about.get("License-Expression") or "", short, *classifiers])


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_in_one_line_what_it_holds_and_is_typed(room):
    doc = ast.get_docstring(ast.parse((REPOSITORY / room / "__init__.py").read_text()))
    assert doc is not None
    assert doc.endswith(".")
    assert "\n" not in doc
    assert (REPOSITORY / room / "py.typed").is_file()


def test_the_wheel_holds_every_tracked_file_of_every_room(tmp_path):
    code, said = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path))
    assert code == 0, said
    [wheel] = tmp_path.glob("*.whl")
    listed = subprocess.check_output(["git", "ls-files", *ROOMS], cwd=REPOSITORY, text=True)
    present = [name for name in listed.split("\n") if name and (REPOSITORY / name).is_file()]
    with zipfile.ZipFile(wheel) as opened:
        inside = set(opened.namelist())
        [points] = [name for name in inside if name.endswith("entry_points.txt")]
        assert "confide = flows.cli:app" in opened.read(points).decode()
    assert [name for name in present if name not in inside] == []


def test_what_uv_cannot_install_pip_installs_from_the_same_lock(tmp_path):
    environment = planted_registry(tmp_path)
    code, said = run(".ci/venv", sys.executable, tmp_path / "v", tmp_path / "lock", **environment)
    assert code == 0, said
    assert "installing with pip" in said
    assert run(tmp_path / "v/bin/python", "-c", "import planted; print(planted.IT)")[1] == "works\n"


def test_a_file_whose_hash_the_lock_does_not_know_is_refused(tmp_path):
    environment = planted_registry(tmp_path)
    lock = tmp_path / "lock"
    lock.write_text(re.sub(r"sha256:..", "sha256:00", lock.read_text()))
    code, said = run(".ci/venv", sys.executable, tmp_path / "v", lock, UV="no", **environment)
    assert code != 0
    assert "DO NOT MATCH THE HASHES" in said


def planted_registry(folder: Path) -> dict[str, str]:
    """Write one wheel and a lock for it; return the variables that make pip find only these."""
    wheel = folder / "planted-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("planted.py", 'IT = "works"\n')
        about = "planted-1.0.dist-info/"
        packed.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
        packed.writestr(about + "WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(about + "RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "lock").write_text(f"planted==1.0 --hash=sha256:{digest}\n")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}


def test_too_old_a_python_is_told_what_to_name_instead(tmp_path):
    old = tmp_path / "python"
    shim = (
        "import sys; sys.version_info = (3, 9, 2); sys.version = '3.9.2 '; exec(sys.stdin.read())"
    )
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{shim}"\n')
    old.chmod(0o755)
    code, said = run(".ci/venv", old, tmp_path / "v", tmp_path / "lock")
    assert code == 1
    assert "needs Python 3.11 to 3.13" in said
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize("code", [0, 1])
def test_the_last_line_of_ci_is_pytests_own_and_its_exit_code_is_kept(tmp_path, code):
    closing = "=== 1 failed, 2 passed in 3.21s (0:00:03) ==="
    make = tmp_path / "bin/make"
    make.parent.mkdir()
    make.write_text(
        f'#!/bin/sh\n[ "$1" = test ] || exit 0\necho "{closing}"\n'
        f'[ {code} = 0 ] || echo "make: *** [test] Error 1" >&2\nexit {code}\n'
    )
    make.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/run", tmp_path / ".ci/run")
    got, said = run(tmp_path / ".ci/run", PATH=f"{make.parent}:{os.environ['PATH']}")
    assert got == code
    assert said.strip().split("\n")[-1] == closing


def test_ci_stops_at_the_first_step_that_fails(tmp_path):
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\n[ "$1" != check ] || exit 2\n')
    make.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/run", tmp_path / ".ci/run")
    code, said = run(tmp_path / ".ci/run", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert code == 2
    assert said.strip().split("\n")[-1] == "== make check"


def test_a_missing_program_skips_naming_its_package(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Debian package invented-package"):
        needs_program("no-such-program", package="invented-package")


def test_a_missing_program_fails_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="Debian package invented-package"):
        needs_program("no-such-program", package="invented-package")


def test_a_program_that_is_there_is_returned():
    assert needs_program("git", package="git").is_file()


def test_absent_recordings_skip_in_ci_too(monkeypatch, tmp_path):
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("CONFIDE_SHARED", str(tmp_path))
    with pytest.raises(pytest.skip.Exception, match="CONFIDE_SHARED"):
        shared_folder()
