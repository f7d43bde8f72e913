"""A warehouse without its vault: nothing begins another vault, and the remedy is said."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.forget import take_out
from flows.restore import restore
from flows.rule_table import RULES, applied
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, VaultLocked
from tests.support.command import environment
from tests.support.passes import Passes, collected, copied
from tests.support.reddit_village import NOON, Village, minutely, village
from warehouse import store

POSTS = minutely(3, until=NOON)
OF_THE_VAULT = ("R10", "R11", "R14", "R15", "R19")
REMEDY = "`confide restore`"


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    with village(POSTS) as place:
        yield place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, porch: Village) -> Passes:
    return collected(tmp_path_factory.mktemp("lost"), reddit=porch.url, now=NOON)


@pytest.fixture
def study(tmp_path: Path, whole: Passes, porch: Village) -> Passes:
    return copied(whole, tmp_path, reddit=porch.url)


def vault_of(study: Passes) -> Path:
    return study.place.folder / "vault.sqlite"


def unlink(path: Path) -> None:
    path.unlink()


def cut_to_nothing(path: Path) -> None:
    path.write_bytes(b"")


def bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


lost = pytest.mark.parametrize("lose", [unlink, cut_to_nothing])


@lost
def test_no_verb_begins_another_vault(study: Passes, lose: Callable[[Path], None]) -> None:
    vault = vault_of(study)
    lose(vault)
    held, left = sorted(study.held()), bytes_of(vault)
    runs = study.sql("select count(*) from landed.collection_runs").item()
    for work in (study.collect, study.refresh):
        with pytest.raises(VaultLocked, match=REMEDY):
            work()
    with pytest.raises(VaultLocked, match=REMEDY), in_place(study) as workspace:
        take_out(workspace, [POSTS[0].native_id])
    study.place.invoke("backup", str(study.place.config / "b")).refuses(2, REMEDY)
    study.place.invoke("status").refuses(2, REMEDY)
    assert bytes_of(vault) == left
    assert sorted(study.held()) == held
    assert study.sql("select count(*) from landed.collection_runs").item() == runs


@lost
def test_a_study_whose_posts_all_went_still_misses_its_vault(
    study: Passes, lose: Callable[[Path], None]
) -> None:
    with study.workspace() as workspace:
        take_out(workspace, [post.native_id for post in POSTS])
    assert not study.held()
    lose(vault_of(study))
    with pytest.raises(VaultLocked, match=REMEDY):
        study.collect()


@lost
def test_rules_of_the_vault_fail(study: Passes, lose: Callable[[Path], None]) -> None:
    lose(vault_of(study))
    with in_place(study) as workspace:
        outcomes = {rule.number: outcome for rule, outcome in applied(workspace)}
    assert {number: outcomes[number].verdict for number in OF_THE_VAULT} == dict.fromkeys(
        OF_THE_VAULT, "fail"
    )
    assert all(REMEDY in outcomes[number].why for number in OF_THE_VAULT)
    assert {rule.number for rule in RULES if "vault" in rule.needs} < set(OF_THE_VAULT)


@lost
def test_a_study_without_its_vault_can_still_be_shredded(
    study: Passes, lose: Callable[[Path], None]
) -> None:
    lose(vault_of(study))
    study.place.invoke("shred", "--yes", study.place.folder.name).succeeds()
    assert not vault_of(study).exists()


@lost
def test_a_restored_study_has_both_again(
    study: Passes, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    file, held = tmp_path / "study.sealed", sorted(study.held())
    study.place.invoke("backup", str(file)).succeeds()
    lose(vault_of(study))
    with in_place(study):
        living = study.place.folder
        with pytest.raises(BadInput, match="has no vault to learn from"):
            restore(file, tmp_path / "other", instead_of=living)
        restore(file, tmp_path / "back")
        with store.open_warehouse(tmp_path / "back" / "warehouse.duckdb", now=NOON) as warehouse:
            rows = warehouse.execute("select post_key from landed.post_versions order by all")
    assert [key for (key,) in rows] == held


def test_a_first_run_that_held_nothing_may_begin_a_vault(study: Passes) -> None:
    study.write("delete from landed.post_versions")
    vault_of(study).unlink()
    study.collect()
    assert vault_of(study).stat().st_size


@contextmanager
def in_place(study: Passes) -> Iterator[Workspace]:
    """Open the study where its key may be refused."""
    with environment({**study.place.variables(), "CONFIDE_STUDY": str(study.place.folder)}):
        yield open_workspace()
