"""The project key: what is derived from it, what it shows, which files are refused."""

import hashlib
import hmac
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.keys import ProjectKey, VaultKeys, read_key_file
from schema.errors import KeyUnreadable

DIGITS = "0123456789abcdef" * 4
KEY = ProjectKey.from_hex(DIGITS)


def hkdf(secret: bytes, use: str) -> bytes:
    """RFC 5869 by hand, for one block."""
    extracted = hmac.digest(b"confide project key v1", secret, "sha256")
    return hmac.digest(extracted, use.encode() + b"\x01", "sha256")


def written(path: Path, text: str = DIGITS, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def study(tmp_path: Path) -> Path:
    directory = tmp_path / "study"
    directory.mkdir()
    return directory


def test_subkeys_are_those_of_rfc_5869() -> None:
    assert KEY.pseudonym_key("reddit") == hkdf(KEY.secret, "pseudonym/reddit")
    assert KEY.vault_keys().sealing == hkdf(KEY.secret, "vault/sealing")
    assert KEY.key_id == hkdf(KEY.secret, "id")[:4].hex()


def test_no_two_uses_share_a_subkey() -> None:
    vault = KEY.vault_keys()
    subkeys = [
        KEY.pseudonym_key("reddit"),
        KEY.pseudonym_key("bluesky"),
        vault.sealing,
        vault.lookup,
        vault.suppression,
    ]
    assert len({KEY.secret, *subkeys}) == 6


@given(first=st.binary(min_size=32, max_size=32), second=st.binary(min_size=32, max_size=32))
def test_two_projects_share_no_subkey(first: bytes, second: bytes) -> None:
    same = ProjectKey(first).pseudonym_key("reddit") == ProjectKey(second).pseudonym_key("reddit")
    assert same is (first == second)


def test_repr_gives_nothing_away() -> None:
    shown = f"{KEY!r} {KEY} {KEY.vault_keys()!r}"
    assert DIGITS not in shown
    assert repr(KEY.secret) not in shown
    assert repr(KEY.vault_keys()) == "VaultKeys()"
    assert KEY.key_id in shown


def test_a_key_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="never serialised"):
        pickle.dumps(KEY)


def test_the_key_id_is_no_plain_hash_of_the_secret() -> None:
    assert KEY.key_id != hashlib.sha256(KEY.secret).hexdigest()[:8]


@pytest.mark.parametrize("text", ["", "00", DIGITS[:-1], DIGITS + "0", DIGITS[:-1] + "g", "é" * 64])
def test_a_text_that_is_no_key_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(KeyUnreadable) as caught:
        ProjectKey.from_hex(text)
    assert not text or text not in str(caught.value)


def test_blanks_and_case_do_not_count() -> None:
    assert ProjectKey.from_hex(f"\n {DIGITS.upper()} \n") == KEY


def test_a_private_file_outside_the_study_is_read(tmp_path: Path, study: Path) -> None:
    path = written(tmp_path / "study.key", DIGITS + "\n")
    assert read_key_file(path, study_dir=study) == KEY


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o644, 0o660, 0o601, 0o610])
def test_a_file_that_others_can_touch_is_refused(tmp_path: Path, study: Path, mode: int) -> None:
    path = written(tmp_path / "study.key", mode=mode)
    with pytest.raises(KeyUnreadable, match="chmod 600"):
        read_key_file(path, study_dir=study)


def test_a_key_inside_the_study_is_refused_even_behind_a_link(tmp_path: Path, study: Path) -> None:
    path = written(study / "study.key")
    link = tmp_path / "linked.key"
    link.symlink_to(path)
    for inside in (path, link, study / ".." / "study" / "study.key"):
        with pytest.raises(KeyUnreadable, match="move it out"):
            read_key_file(inside, study_dir=study)


def test_a_link_to_a_secret_elsewhere_is_followed(tmp_path: Path, study: Path) -> None:
    link = tmp_path / "linked.key"
    link.symlink_to(written(tmp_path / "mounted-secret"))
    assert read_key_file(link, study_dir=study) == KEY


def test_what_is_no_regular_file_is_refused(tmp_path: Path, study: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir(mode=0o700)
    for name in ("pipe", "folder"):
        with pytest.raises(KeyUnreadable, match="no regular file"):
            read_key_file(tmp_path / name, study_dir=study)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path, study: Path) -> None:
    with pytest.raises(KeyUnreadable, match="openssl rand -hex 32"):
        read_key_file(tmp_path / "none.key", study_dir=study)


@pytest.mark.parametrize("text", ["", "short", DIGITS * 40])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, study: Path, text: str) -> None:
    path = written(tmp_path / "study.key", text)
    with pytest.raises(KeyUnreadable, match="64 hexadecimal digits"):
        read_key_file(path, study_dir=study)


def test_a_secret_of_another_length_is_refused() -> None:
    with pytest.raises(KeyUnreadable, match="32"):
        ProjectKey(b"short")


def test_vault_keys_compare_by_value() -> None:
    assert KEY.vault_keys() == VaultKeys(
        sealing=hkdf(KEY.secret, "vault/sealing"),
        lookup=hkdf(KEY.secret, "vault/lookup"),
        suppression=hkdf(KEY.secret, "vault/suppression"),
    )
