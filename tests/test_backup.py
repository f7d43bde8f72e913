"""A backup comes back whole, but for what was removed since; only the newest opens."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.label_studio_server import running_label_studio
from connectors.sealed_file import read_head
from connectors.vault import open_vault
from flows.backup import _seal
from flows.backup_keys import alone, find_key
from flows.environment import DRAWN_FILE
from flows.forget import take_out
from flows.restore import restore
from flows.rule_table import RULES, applied
from flows.rules_keys import BACKUP_DAYS
from schema.errors import BackupUnreadable, BadInput, CorpusError
from tests.support.command import Outcome, Place, outcome, start
from tests.support.cut import cut_before
from tests.support.passes import Passes, collected, copied
from tests.support.ports import free_port
from tests.support.reddit_village import NOON, Village, minutely, village
from tests.support.warehouse_rows import units
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

POSTS = minutely(3, until=NOON)
GONE, KEPT = POSTS[0], POSTS[1:]


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    with village(POSTS) as place:
        yield place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, porch: Village) -> Passes:
    return collected(tmp_path_factory.mktemp("backup"), reddit=porch.url, now=NOON)


@pytest.fixture
def study(tmp_path: Path, whole: Passes, porch: Village) -> Passes:
    return copied(whole, tmp_path, reddit=porch.url)


@pytest.fixture
def sealed(tmp_path: Path, study: Passes) -> Path:
    place = study.place.folder / "var" / "label-studio"
    (place / "media").mkdir(parents=True)
    (place / "media" / "task.json").write_text("a task", "utf-8")
    (place / "server.log").write_text("long", "utf-8")
    (place.parent / "coders.json").write_text("{}", "utf-8")
    file = tmp_path / "study.sealed"
    study.place.invoke("backup", str(file)).succeeds()
    return file


def back(study: Passes, file: Path, name: str = "back", **options: Path) -> dict[str, int]:
    with study.workspace():
        return restore(file, study.place.folder.with_name(name), **options)


def restored(study: Passes, name: str = "back") -> Passes:
    """Look at a study that came back as at any other."""
    place = study.place
    return Passes(Place(place.folder.with_name(name), place.config, place.environment), study.now)


def let_go(study: Passes, native_id: str) -> None:
    with study.workspace() as workspace:
        take_out(workspace, [native_id])


def test_it_comes_back_whole_and_private(study: Passes, sealed: Path) -> None:
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert back(study, sealed)["removed_since_count"] == 0
    again = restored(study)
    folder = again.place.folder
    assert sorted(again.held()) == sorted(study.held())
    assert (folder / "var" / "label-studio" / "media" / "task.json").read_text() == "a task"
    assert not (folder / "var" / "label-studio" / "server.log").exists()
    assert (folder / "var" / "coders.json").read_text() == "{}"
    assert not (folder / "published").exists()
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    with (
        again.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        assert vault.count_due(NOON, "reddit") == len(POSTS)  # all are looked at next
    acts = again.sql("select reason from removals_audit order by seq")["reason"].to_list()
    assert acts == ["restore"]


def test_what_was_removed_since_stays_out(study: Passes, sealed: Path) -> None:
    let_go(study, GONE.native_id)
    done = back(study, sealed, instead_of=study.place.folder)
    again = restored(study)
    assert done["removed_since_count"] == 1
    assert set(again.held()) == study.keys([post.native_id for post in KEPT])
    again.collect()  # the platform still shows it
    assert set(again.held()) == study.keys([post.native_id for post in KEPT])
    words = GONE.wordings[0].text.encode()
    assert words not in (again.place.folder / "warehouse.duckdb").read_bytes()


def test_a_study_moves_to_another_machine(study: Passes, sealed: Path, tmp_path: Path) -> None:
    old, there = study.place, tmp_path / "there"
    new = Place(there / "porch-study", there / "config", old.environment)
    held = sorted(study.held())

    def restoring() -> Outcome:
        words = ("restore", str(sealed), str(new.folder))
        return outcome(start(*words, environment=new.variables()))

    restoring().refuses(2, f"{new.key_file.name} does not exist")
    new.key_file.parent.mkdir(parents=True)
    for name in (new.key_file.name, f"{new.folder.name}.backup.key"):
        shutil.copy(old.config / "confide" / name, new.key_file.parent)
    restoring().succeeds()
    old.invoke("shred", "--yes", old.folder.name).succeeds()
    moved = Passes(new, study.now)
    assert sorted(moved.held()) == held
    assert moved.collect()["new_count"] == 0  # the keys are the same, and so is every row's
    assert moved.refresh()


def test_a_removal_that_was_cut_off_is_completed(
    study: Passes, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.removing._complete", lambda *_stores, **_now: 0)
    let_go(study, GONE.native_id)
    monkeypatch.undo()
    assert back(study, sealed, instead_of=study.place.folder)["removed_since_count"] == 1


def test_only_the_newest_backup_opens(study: Passes, sealed: Path, tmp_path: Path) -> None:
    old = sealed.read_bytes()
    let_go(study, GONE.native_id)
    study.place.invoke("backup", str(sealed)).succeeds()
    (tmp_path / "kept.sealed").write_bytes(old)
    with pytest.raises(BackupUnreadable, match="a later backup replaced it"):
        back(study, tmp_path / "kept.sealed")
    assert back(study, sealed)["removed_since_count"] == 0
    assert len(restored(study).held()) == len(KEPT)


def draw(study: Passes) -> None:
    """Draw all that is held, as a round of the study's own."""
    held = study.sql("select post_key, version_key from landed.post_versions").iter_rows()
    with store.open_warehouse(study.place.folder / "warehouse.duckdb", now=NOON) as warehouse:
        store.save_units(warehouse, units(*held), plan=PLAN, frame=frame_of(warehouse))


def test_a_round_that_was_drawn_is_followed_after_a_restore(study: Passes, sealed: Path) -> None:
    back(study, sealed)
    draw(study)
    study.place.invoke("backup", str(sealed)).succeeds()
    back(study, sealed, name="again")
    marks = [restored(study, name).place.folder / "var" / DRAWN_FILE for name in ("back", "again")]
    assert [mark.exists() for mark in marks] == [False, True]


@pytest.mark.label_studio
def test_coders_never_see_what_was_removed_since(
    study: Passes, tmp_path: Path, label_studio_program: Path, label_studio_template: Path
) -> None:
    place, file = study.place, tmp_path / "study.sealed"
    study.place = place.having(CONFIDE_LABEL_STUDIO=str(label_studio_program))
    data = place.folder / "var" / "label-studio"
    shutil.copytree(label_studio_template, data)
    port = free_port()
    with (place.folder / "study.toml").open("a") as text:
        text.write(f'\n[label_studio]\nurl = "http://127.0.0.1:{port}"\n')
    draw(study)
    with store.open_warehouse(place.folder / "warehouse.duckdb", now=NOON) as warehouse:
        tasks = store.coding_tasks(warehouse, "W1", "R1", "root")
    with running_label_studio(label_studio_program, data) as handle:
        client = label_studio.connect(handle.url, handle.token)
        codebook = load_codebook()
        key = label_studio.ProjectKey("W1", codebook.version, "R1", "root", "c1")
        label_studio.push(client, label_studio.ensure_project(client, key, codebook), tasks)
    study.place.invoke("backup", str(file)).succeeds()
    let_go(study, GONE.native_id)
    with socket.create_server(("127.0.0.1", port)):  # as the study's own server may
        assert back(study, file, instead_of=place.folder)["removed_since_count"] == 1
    database = restored(study).place.folder / "var" / "label-studio" / "label_studio.sqlite3"
    with closing(sqlite3.connect(database)) as opened:
        shown = [json.loads(row)["post_uid"] for (row,) in opened.execute("select data from task")]
    assert {int(uid, 16) for uid in shown} == study.keys([post.native_id for post in KEPT])
    assert GONE.wordings[0].text.encode() not in database.read_bytes()


def keys_of(study: Passes) -> list[Path]:
    return sorted((study.place.config / "confide").glob(f"{study.place.folder.name}.backup.key*"))


def opens(study: Passes, file: Path) -> bool:
    """Tell whether the key of a backup is still there."""
    with file.open("rb") as sealed:
        name = read_head(sealed)["backup_key_id"]
    with study.workspace() as workspace, suppress(BackupUnreadable):
        return bool(find_key(workspace.study.study.name, name))
    return False


@pytest.mark.parametrize(
    "second", ["study.sealed", pytest.param("other.sealed", marks=pytest.mark.long)]
)
def test_two_crashes_leave_a_backup_that_opens(study: Passes, sealed: Path, second: str) -> None:
    folders = (study.place.config / "confide", sealed.parent / "safe")
    (folders[1]).mkdir()
    first, other = folders[1] / sealed.name, folders[1] / second
    sealed.rename(first)

    def cut(number: int, file: Path) -> bool:
        with study.workspace() as workspace:
            return cut_before(number, lambda: _seal(workspace, file), *folders)

    before = states(folders)
    crashes = 0
    for number in count():
        put_back(before)
        if not cut(number, first):
            break
        crashed = states(folders)
        for again in count():
            put_back(crashed)
            is_cut = cut(again, other)
            standing = {file for file in (first, other) if file.exists() and opens(study, file)}
            assert standing, (number, again)
            if not is_cut:
                break
            crashes += 1
        assert standing == {other}
        assert len(keys_of(study)) == 1
    assert crashes > 30
    assert back(study, first)["removed_since_count"] == 0


def test_two_backups_at_once_do_not_destroy_each_other_s_key(
    study: Passes, sealed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.backup_keys.LOCK_SECONDS", 0.1)
    with study.workspace() as workspace, alone(workspace.study.study.name):
        study.place.invoke("backup", str(sealed)).refuses(1, "another `confide backup`")
    assert opens(study, sealed)


def states(folders: Iterable[Path]) -> dict[Path, dict[str, bytes]]:
    return {one: {path.name: path.read_bytes() for path in one.iterdir()} for one in folders}


def put_back(before: dict[Path, dict[str, bytes]]) -> None:
    for folder, files in before.items():
        for path in folder.iterdir():
            path.unlink()
        for name, held in files.items():
            (folder / name).write_bytes(held)
            (folder / name).chmod(0o600)


def test_a_backup_of_last_week_is_told(study: Passes, sealed: Path) -> None:
    [rule] = [rule for rule in RULES if rule.number == "R13"]
    [own] = keys_of(study)
    own.rename(own.with_name(f"{own.name}.0a1b2c3d"))  # as one that was cut off leaves it
    for days, verdict in ((BACKUP_DAYS, "pass"), (BACKUP_DAYS + 1, "fail")):
        study.now = NOON + timedelta(days=days)
        with study.workspace() as workspace:
            [(_, outcome)] = applied(workspace, [rule])
        assert outcome.verdict == verdict, outcome.why


def test_a_cut_off_backup_leaves_nothing_behind(study: Passes, sealed: Path) -> None:
    sealed.write_bytes(sealed.read_bytes()[:-1])
    before = set(sealed.parent.rglob("*"))
    with pytest.raises(BackupUnreadable):
        back(study, sealed)
    assert set(sealed.parent.rglob("*")) == before


def test_neither_key_opens_it_alone(study: Passes, sealed: Path) -> None:
    own = study.place.config / "confide" / f"{study.place.folder.name}.backup.key"
    text = own.read_text()
    own.unlink()
    with pytest.raises(BackupUnreadable, match="is not in"):
        back(study, sealed)
    own.write_text(text)
    study.place.key_file.write_text("5b" * 32)
    with pytest.raises(BackupUnreadable, match="put the study's own in its place"):
        back(study, sealed)


def test_nothing_is_overwritten_and_nothing_sealed_inside(study: Passes, sealed: Path) -> None:
    with pytest.raises(BadInput, match="is not empty"):
        back(study, sealed, name=study.place.folder.name)
    told = study.place.invoke("backup", str(study.place.folder / "b.sealed"))
    assert told.code == BadInput.exit_code
    study.place.invoke("backup", str(sealed.parent)).refuses(2, "is a folder: name a file in it")


def test_no_backup_survives_shredding(study: Passes, sealed: Path) -> None:
    study.place.invoke("shred", "--yes", study.place.folder.name, "--json").succeeds()
    assert keys_of(study) == []
    with pytest.raises(CorpusError):
        back(study, sealed)
    told = study.place.invoke("backup", str(sealed), "--json")
    assert json.loads(told.out or "{}") == {}
    assert told.code == 3
