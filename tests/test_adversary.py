"""Whoever gets hold of a part, or writes to be harmful: what they get, and what they break."""

from pathlib import Path

import pytest

from connectors.keys import ProjectKey
from connectors.vault import VaultEntry, open_vault
from flows.workspace import open_workspace, read_private_file
from schema.errors import BadInput, CorpusError, VaultLocked
from tests.support.warehouse_rows import NOW, author, opened, post, removals, save
from transforms.pseudonymize import author_pseudonyms, post_keys
from warehouse import store

KEY, OTHER_KEY = (ProjectKey.from_hex(digits * 32) for digits in ("5a", "a5"))
IDS = [f"t3_kettle{number:04d}" for number in range(100)]
HOSTILE = (
    "'; drop table landed.post_versions; --",
    '"); delete from post; select ("',
    "$1 ? {0} %s ${x} [ROW] \\' \\\"",
    "\u202eevil\u2067bidi\u2069 \u0000 nul \ufeff",
    "x" * 65_536,
)
TEXTS = ("title", "text", "alt_text", "quoted_text", "flair")


@pytest.mark.parametrize("words", HOSTILE, ids=["quote", "close", "marks", "bidi", "64kB"])
def test_words_in_any_text_are_words(tmp_path: Path, words: str) -> None:
    path, published = tmp_path / "w.duckdb", tmp_path / "published" / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, post(1, **dict.fromkeys(TEXTS, words)), post(2, parent_key=1))
        stored = warehouse.execute(
            f"select {', '.join(TEXTS)} from landed.post_versions where post_key = 1"
        )
        assert stored == [(words,) * len(TEXTS)]
    store.publish(path, published, now=NOW)
    with opened(path) as warehouse:
        assert store.remove(warehouse, removals(1), now=NOW).post_keys == (1,)
        assert warehouse.execute("select post_key from post") == [(2,)]
    assert store.compact(path, now=NOW)
    assert words.encode() not in path.read_bytes()


def test_a_pseudonym_in_somebody_elses_words_leads_to_nobody(tmp_path: Path) -> None:
    named = f"they called me {author(7)} in another study"
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, text=named), post(7))
        store.remove(warehouse, removals(authors=[author(7)]), now=NOW)
        assert warehouse.execute("select post_key, text from landed.post_versions") == [(1, named)]


def test_a_copied_warehouse_cannot_be_searched_by_what_platforms_call_things() -> None:
    for platform in ("reddit", "bluesky"):
        ours, theirs = (key.pseudonym_key(platform) for key in (KEY, OTHER_KEY))
        keys = [set(post_keys(platform, IDS, key=key)) for key in (ours, theirs)]
        names = [set(author_pseudonyms(platform, IDS, key=key)) for key in (ours, theirs)]
        assert not keys[0] & keys[1]
        assert not names[0] & names[1]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_vault_is_told_in_a_sentence_and_gives_nothing(
    tmp_path: Path, share: float
) -> None:
    path = tmp_path / "vault.sqlite"
    entries = [VaultEntry("reddit", name, n, "porch", NOW) for n, name in enumerate(IDS)]
    with open_vault(path, KEY.vault_keys()) as vault:
        vault.remember(entries)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CorpusError) as refused, open_vault(path, KEY.vault_keys()) as vault:
        vault.every_native_id("reddit")
    assert isinstance(refused.value, VaultLocked)
    assert not any(name in str(refused.value) for name in IDS)


def test_a_study_behind_a_link_is_the_study(tmp_path: Path) -> None:
    study, link = tmp_path / "study", tmp_path / "link"
    study.mkdir()
    (study / "study.toml").write_text('[study]\nname = "porch"\nsince = 2026-01-01\n', "utf-8")
    (study / "names").write_text("u/kettle\n", "utf-8")
    (study / "names").chmod(0o600)
    link.symlink_to(study)
    workspace = open_workspace(link)
    for path in (study / "names", link / "names", Path("names")):
        with pytest.raises(BadInput, match="lies inside the study"):
            read_private_file(path, what="the file", study_directory=workspace.directory)
