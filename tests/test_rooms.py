"""The design's table of rooms: who imports whom, and which package is imported only where.

The checks' own configuration is on trial here, on invented rooms with planted imports; the real
rooms are checked by `make check`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import REPOSITORY

RUFF, LINT_IMPORTS = (Path(sys.executable).with_name(name) for name in ("ruff", "lint-imports"))
SIBLINGS = ["annotation", "connectors", "demo", "transforms", "warehouse"]
ROOMS = [*SIBLINGS, "flows", "schema"]
ONLY_HERE = {
    "pydantic": "schema",
    "praw": "connectors",
    "atproto": "connectors",
    "websockets": "connectors",
    "sqlite3": "connectors",
    "cryptography": "connectors",
    "polars_hash": "transforms",
    "duckdb": "warehouse",
    "label_studio_sdk": "annotation",
    "prefect": "flows",
}
# In two pieces each: this file is tracked, too.
REGISTRY = "https://py" + "pi.org/simple"
LOCAL = "/wo" + "rk/main"
RESOLVED = '"resol' + 'ved": "https://mirror.example/x.tgz"'


def broken_imports(folder: Path, planted: dict[str, str]) -> str:
    """Build every room in `folder` with `planted` modules; return what lint-imports says."""
    for room in ROOMS:
        (folder / room).mkdir()
        (folder / room / "__init__.py").touch()
    for name, source in planted.items():
        (folder / name).write_text(source)
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    done = subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=folder, text=True, capture_output=True, check=False
    )
    assert done.returncode == ("BROKEN" in done.stdout), done.stdout + done.stderr
    return done.stdout


def test_the_imports_the_design_grants_pass(tmp_path):
    planted = {f"{home}/uses_{name}.py": f"import {name}\n" for name, home in ONLY_HERE.items()}
    planted |= {f"{room}/uses_schema.py": "import schema\n" for room in [*SIBLINGS, "flows"]}
    planted["flows/uses_all.py"] = "".join(f"import {room}\n" for room in SIBLINGS)
    planted["connectors/reddit_archive.py"] = "import duckdb\n"
    planted |= {f"{room}/frames.py": "import dataframely\n" for room in ROOMS}
    assert "0 broken" in broken_imports(tmp_path, planted)


def test_siblings_that_meet_are_reported(tmp_path):
    pairs = [(a, b) for a in SIBLINGS for b in SIBLINGS if a != b]
    planted = {f"{a}/meets_{b}.py": f"def late():\n    import {b}\n" for a, b in pairs}
    said = broken_imports(tmp_path, planted)
    assert [(a, b) for a, b in pairs if f"{a} is not allowed to import {b}" not in said] == []


def test_a_room_that_leans_on_flows_or_schema_on_a_room_is_reported(tmp_path):
    pairs = [(room, "flows") for room in [*SIBLINGS, "schema"]]
    pairs += [("schema", room) for room in SIBLINGS]
    planted = {f"{a}/meets_{b}.py": f"from {b} import late\n" for a, b in pairs}
    planted |= {f"{b}/late.py": "" for _, b in pairs}
    said = broken_imports(tmp_path, planted)
    assert [(a, b) for a, b in pairs if f"{a} is not allowed to import {b}" not in said] == []


def test_a_package_imported_outside_its_room_is_reported(tmp_path):
    pairs = [(room, name) for name, home in ONLY_HERE.items() for room in ROOMS if room != home]
    pairs += [(room, "krippendorff") for room in ROOMS]
    planted = {f"{room}/uses_{name}.py": f"import {name}\n" for room, name in pairs}
    said = broken_imports(tmp_path, planted)
    assert [pair for pair in pairs if f"{pair[0]}.uses_{pair[1]} -> {pair[1]}" not in said] == []


@pytest.mark.parametrize("room", ROOMS)
def test_frame_contracts_are_defined_in_schema_alone(room):
    source = 'import dataframely as dy\n\n\nclass Row(dy.Schema):\n    """A row."""\n'
    done = subprocess.run(
        [RUFF, "check", "--select=TID251", f"--stdin-filename={room}/planted.py", "-"],
        cwd=REPOSITORY,
        input=source,
        text=True,
        capture_output=True,
        check=False,
    )
    assert ("TID251" in done.stdout) == (room != "schema")


@pytest.mark.parametrize(
    "line",
    [REGISTRY, "--index" + "-url https://mirror.example", f"cd {LOCAL}", f"    {RESOLVED}"],
)
def test_a_tracked_line_that_names_a_registry_or_a_local_path_is_reported(tmp_path, line):
    code, said = hosts(tmp_path, line)
    assert code == 1
    assert "kept.txt:2:" in said


def test_ordinary_lines_pass_the_look_for_hosts(tmp_path):
    code, _ = hosts(tmp_path, "see docs/work/ and https://example.org/work/x, option -i, PyPI")
    assert code == 0


def hosts(folder: Path, line: str) -> tuple[int, str]:
    """Return exit code and words of the look for hosts in a repository that holds `line`."""
    (folder / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/no-hosts", folder / ".ci")
    (folder / "kept.txt").write_text(f"first\n{line}\n")
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    done = subprocess.run([folder / ".ci/no-hosts"], text=True, capture_output=True, check=False)
    return done.returncode, done.stderr
