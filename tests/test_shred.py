"""A study's end: vault and key are destroyed, nothing is linked again, the analyst's side stays."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.vault import PendingRemoval, open_vault
from flows import shred as shredding
from flows.shred import destroy
from flows.shredded import Shredding, read_mark, write_mark
from tests.support.command import KEY
from tests.support.passes import Passes, collected, copied
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, Village, minutely, village

POSTS = minutely(3, until=NOON)


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    with village(POSTS) as place:
        yield place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, porch: Village) -> Passes:
    return collected(tmp_path_factory.mktemp("shred"), reddit=porch.url, now=NOON)


@pytest.fixture
def study(tmp_path: Path, whole: Passes, porch: Village) -> Passes:
    return copied(whole, tmp_path, reddit=porch.url)


def shred(study: Passes, **variables: str) -> dict[str, object]:
    place = study.place.having(**variables)
    told = place.invoke("shred", "--yes", place.folder.name, "--json").succeeds().out
    done: dict[str, object] = json.loads(told)
    return done


def test_it_destroys_vault_and_key_and_proves_it(study: Passes) -> None:
    vault, key = study.place.folder / "vault.sqlite", study.place.key_file
    (study.place.folder / "var" / "budgets").mkdir(parents=True)
    (study.place.folder / "var" / "budgets" / "bluesky-1.sqlite").write_text("asked often")
    done = shred(study)
    assert (done["posts_count"], done["tried_count"], done["led_count"]) == (3, 3, 3)
    assert (done["found_count"], done["traces_count"]) == (0, 0)
    assert done["is_key_file_destroyed"] is True
    assert not vault.exists()
    assert not key.exists()
    assert not list((study.place.folder / "var").rglob("budgets"))
    line = study.sql("select platform, reason, rows_by_store from removals_audit").row(0)
    assert line[:2] == ("study", "shred")
    assert json.loads(line[2]) == {"key_id": done["key_id"], "vault": 3, "suppressed": 0}
    assert KEY.hex() not in line[2]
    again = shred(study)
    assert (again["key_id"], again["posts_count"]) == (done["key_id"], 0)
    assert study.sql("select count(*) from removals_audit").item() == 1


def test_a_removal_that_was_begun_is_completed_first(study: Passes) -> None:
    [post_key] = study.keys([POSTS[0].native_id])
    begun = PendingRemoval("reddit", post_key, None, "opted_out")
    with (
        study.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        vault.suppress("reddit", native_ids=[POSTS[0].native_id], pending=[begun])
    assert shred(study)["posts_count"] == 2
    assert post_key not in study.held()
    assert len(study.held()) == 2


def test_a_key_that_is_still_somewhere_is_said_to_link(study: Passes) -> None:
    with_key = {"CONFIDE_KEY": KEY.hex()}
    done = shred(study, **with_key)
    assert (done["tried_count"], done["found_count"]) == (3, 3)
    assert any("CONFIDE_KEY" in str(what) for what in list(done["by_hand"]))  # type: ignore[call-overload]
    study.place = study.place.having(**with_key)
    study.place.invoke("forget", given="u/moss-lantern-7731").refuses(3, "shredded", "R12")


SPELLINGS = {
    "raw": KEY,
    "hex": KEY.hex().encode(),
    "HEX": KEY.hex().upper().encode(),
    "base64": b64encode(KEY),
    "an id": POSTS[0].native_id.encode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_would_still_link_is_found_in_any_file(study: Passes, spelling: str) -> None:
    planted = study.place.folder / "var" / "deep" / "notes.txt"
    planted.parent.mkdir(parents=True)
    planted.write_bytes(b"x" * 5000 + SPELLINGS[spelling] + b"\nrest")
    told = study.place.invoke("shred", "--yes", study.place.folder.name).succeeds().out
    assert "3 of 3 native ids led to a row before, 0 do now" in told
    assert "the key and these ids: 1 found" in told
    assert "destroy by hand: var/deep/notes.txt" in told
    assert POSTS[0].native_id not in told


def test_ids_that_led_nowhere_before_prove_nothing_and_are_said(study: Passes) -> None:
    study.write("delete from landed.post_versions")
    done = shred(study)
    assert (done["tried_count"], done["led_count"], done["found_count"]) == (3, 0, 0)
    again = study.place.invoke("shred", "--yes", study.place.folder.name).succeeds().out
    assert "nothing was tried again" in again


@pytest.mark.prefect_server
def test_flows_that_need_the_vault_refuse_and_the_others_go_on(
    study: Passes, prefect_server: PrefectServer
) -> None:
    shred(study)
    study.place = study.place.having(**prefect_server.environment(), CONFIDE_KEY=KEY.hex())
    for verb in ("collect", "refresh"):
        study.place.invoke(verb).refuses(3, "this study was shredded on 2026-02-01", "R12")
    study.place.invoke("forget", given="t3_v00001").refuses(3, "shredded")
    assert "vault.sqlite" not in {path.name for path in study.place.folder.iterdir()}
    study.place.invoke("publish").succeeds()
    assert "3" in study.place.invoke("sql", "select count(*) from post").succeeds().out
    study.place.invoke("verdicts").succeeds()
    assert json.loads(study.place.invoke("status", "--json").succeeds().out)["due"] == []
    told = json.loads(study.place.invoke("check", "--json").out)
    assert {one["rule"]: one["verdict"] for one in told}["R12"] == "pass"


def test_it_wants_the_study_s_name(study: Passes) -> None:
    study.place.invoke("shred", "--yes", "another").refuses(2, "nothing was destroyed", "--yes")
    asked = study.place.invoke("shred", given="\n")
    assert (asked.code, "cannot be undone" in asked.err) == (2, True)
    assert study.place.key_file.exists()
    assert (study.place.folder / "vault.sqlite").exists()
    assert read_mark(study.place.folder) is None


def test_another_key_destroys_nothing(study: Passes) -> None:
    study.place = study.place.having(CONFIDE_KEY="ab" * 32)
    name = study.place.folder.name
    study.place.invoke("shred", "--yes", name).refuses(
        2, "vault.sqlite was sealed with another key"
    )
    assert (study.place.folder / "vault.sqlite").exists()


@pytest.mark.parametrize("step", ["_destroy_state", "_destroy_key_file", "_linked"])
def test_cut_off_on_the_way_it_is_completed_by_another_run(
    study: Passes, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def stop(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shredding, step, stop)
        assert study.place.invoke("shred", "--yes", study.place.folder.name).code == 1
    mark = read_mark(study.place.folder)
    assert mark is not None
    assert not mark.is_complete
    told = json.loads(study.place.invoke("check", "--json").out)
    assert {one["rule"]: one["verdict"] for one in told}["R12"] == "fail"
    assert shred(study)["key_id"] == mark.key_id
    assert not study.place.key_file.exists()


def test_what_is_destroyed_is_overwritten_first(tmp_path: Path) -> None:
    path, other_name, link = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    path.write_bytes(b"planted" * 1000)
    other_name.hardlink_to(path)
    link.symlink_to(path)
    assert destroy(link) is True
    assert not path.exists()
    assert not link.is_symlink()
    assert other_name.stat().st_size == 7000
    assert b"planted" not in other_name.read_bytes()
    assert destroy(path) is False


def test_a_damaged_mark_is_still_one(tmp_path: Path) -> None:
    write_mark(tmp_path, Shredding("2026-02-01T12:00:00+00:00", "0a1b2c3d"))
    (tmp_path / "shredded.json").write_text("{")
    assert read_mark(tmp_path) is not None
