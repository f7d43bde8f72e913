"""Everything under a study is its owner's alone, but for what is published."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.environment import prepare
from flows.file_modes import close_to_others, open_to_others
from flows.new_study import write_study
from tests.support.command import environment, place
from tests.support.reddit_village import NOON, minutely, village


@contextmanager
def usual_umask() -> Iterator[None]:
    """Let files be made as on most machines: readable by all."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    with usual_umask():
        yield


def modes(folder: Path) -> dict[str, int]:
    """Map what lies below a folder to its mode."""
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*")
    }


def test_what_verbs_write_is_private_but_for_what_is_published(tmp_path: Path) -> None:
    with village(minutely(3, until=NOON)) as porch:
        study = place(tmp_path)
        study.write_study(reddit=porch.url)
        study.folder.chmod(0o755)
        for verb in ("collect", "publish", "report"):
            assert study.run(verb).code == 0
    found = modes(study.folder)
    shared = {name: mode for name, mode in found.items() if name.startswith("published")}
    assert shared == {
        "published": 0o755,
        "published/corpus.duckdb": 0o644,
        "published/report.html": 0o644,
    }
    private = {name: mode for name, mode in found.items() if name not in shared}
    assert {"study.toml", "vault.sqlite", "warehouse.duckdb", "var/prefect"} < set(private)
    assert any(name.startswith("var/prefect/prefect") for name in private)
    is_folder = {name: (study.folder / name).is_dir() for name in private}
    assert private == {name: 0o700 if is_folder[name] else 0o600 for name in private}
    assert study.folder.stat().st_mode & 0o777 == 0o711


def test_a_new_study_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "porch"
    with environment({"XDG_CONFIG_HOME": str(tmp_path / "config")}):
        write_study(folder)
    assert folder.stat().st_mode & 0o777 == 0o711
    assert set(modes(folder).values()) == {0o600}


def test_entering_closes_an_older_study_and_opens_nothing(tmp_path: Path) -> None:
    folder, closed = tmp_path / "older", tmp_path / "closed"
    (folder / "var" / "prefect").mkdir(parents=True)
    (folder / "published").mkdir(mode=0o755)
    for name in ("study.toml", "codebook.yaml", "vault.sqlite", "published/corpus.duckdb"):
        (folder / name).write_text("", "utf-8")
    closed.mkdir(mode=0o700)
    with environment({}):
        prepare(folder)
        prepare(closed)
    assert folder.stat().st_mode & 0o777 == 0o711
    assert closed.stat().st_mode & 0o777 == 0o700
    found = modes(folder)
    assert found["study.toml"] == found["codebook.yaml"] == 0o600
    assert found["var"] == 0o700
    assert (found["published"], found["published/corpus.duckdb"]) == (0o755, 0o644)
    assert open_to_others(folder) == ("vault.sqlite",)  # a person must hear of it


def test_whatever_others_could_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "var" / "deep").mkdir(parents=True)
    (tmp_path / "var" / "deep" / "notes.txt").write_text("", "utf-8")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "corpus.duckdb").write_text("", "utf-8")
    (tmp_path / "link").symlink_to("/etc/hostname")
    tmp_path.chmod(0o755)
    assert open_to_others(tmp_path) == (".", "var", "var/deep", "var/deep/notes.txt")
    close_to_others(tmp_path)
    assert open_to_others(tmp_path) == ()
