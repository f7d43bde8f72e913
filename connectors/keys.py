"""The project key and what is derived from it.

One 256-bit secret lives as long as its study. HKDF-SHA-256 (RFC 5869) makes a subkey for each
platform and each use of the vault, so no two uses share a key and none leads back to the
secret. Only `key_id` may be logged.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schema.errors import KeyUnreadable
from schema.vocabulary import Platform

KEY_BYTES = 32
LONGEST_FILE_BYTES = 1024  # a key file holds 64 digits; anything longer is another file
_SALT = b"confide project key v1"  # public; ties every subkey to this program and layout


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """The vault's three keys: to seal values, to look rows up, and to know who must stay out."""

    sealing: bytes = field(repr=False)
    lookup: bytes = field(repr=False)
    suppression: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """A study's 256-bit secret. Its repr shows the key id alone, and it cannot be pickled."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a secret of any other length."""
        if len(self.secret) != KEY_BYTES:
            raise KeyUnreadable(
                f"the project key has {len(self.secret)} bytes: it must have {KEY_BYTES}"
            )

    def __repr__(self) -> str:
        """Show the key id alone."""
        return f"ProjectKey(key_id={self.key_id!r})"

    def __reduce__(self) -> NoReturn:
        """Refuse: a run parameter or a stored result would carry the secret to disk."""
        raise TypeError("a project key is never serialised")

    @classmethod
    def from_hex(cls, text: str) -> "ProjectKey":
        """Read 64 hexadecimal digits; blanks around them do not count.

        Raises:
            KeyUnreadable: too few or too many digits, or something that is none.
        """
        digits = text.strip()
        if len(digits) != 2 * KEY_BYTES:
            raise KeyUnreadable(
                f"the project key has {len(digits)} characters: it must be {2 * KEY_BYTES} "
                "hexadecimal digits (make one with `openssl rand -hex 32`)"
            )
        try:
            return cls(bytes.fromhex(digits))
        except ValueError:
            raise KeyUnreadable(
                "the project key holds something that is no hexadecimal digit: "
                "make one with `openssl rand -hex 32`"
            ) from None

    @property
    def key_id(self) -> str:
        """Eight hexadecimal digits that tell keys apart and give nothing away; safe to log."""
        return self._derive("id")[:4].hex()

    def pseudonym_key(self, platform: Platform) -> bytes:
        """Derive the 32 bytes that pseudonyms and row keys of one platform are made with."""
        return self._derive(f"pseudonym/{platform}")

    def vault_keys(self) -> VaultKeys:
        """Derive the vault's keys; suppression has one of its own, to be destroyed apart."""
        return VaultKeys(
            sealing=self._derive("vault/sealing"),
            lookup=self._derive("vault/lookup"),
            suppression=self._derive("vault/suppression"),
        )

    def backup_key(self, of_one: bytes) -> bytes:
        """Derive what seals one backup, which has a key of its own besides: neither opens alone."""
        return self._derive("backup", salt=_SALT + of_one)

    def _derive(self, use: str, *, salt: bytes = _SALT) -> bytes:
        hkdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=use.encode())
        return hkdf.derive(self.secret)


def read_key_file(path: Path, *, study_dir: Path) -> ProjectKey:
    """Read the project key from a file that only its owner can read, outside the study.

    Raises:
        KeyUnreadable: missing, no file, readable by others, inside the study, or no key.
    """
    real = path.resolve()
    if real.is_relative_to(study_dir.resolve()):
        raise KeyUnreadable(
            f"the key file {path.name} lies inside the study: move it out, "
            "because whoever copies the study must not get its key"
        )
    try:
        text = _read_private(real)
    except FileNotFoundError:
        raise KeyUnreadable(
            f"the key file {path.name} does not exist in {path.parent}: restore it, or for a new "
            "study make one (`openssl rand -hex 32`, then chmod 600)"
        ) from None
    except OSError as error:
        raise KeyUnreadable(
            f"the key file {path.name} cannot be read ({type(error).__name__}): "
            "give this account the right to read it"
        ) from None
    return ProjectKey.from_hex(text)


def read_backup_key(path: Path) -> bytes:
    """Read the key of the one backup that can be opened, from a file that is its owner's alone.

    Raises:
        KeyUnreadable: missing, no file, readable by others, or no key.
    """
    try:
        return ProjectKey.from_hex(_read_private(path.resolve())).secret
    except OSError as error:
        raise KeyUnreadable(
            f"the backup's key {path.name} cannot be read in {path.parent} "
            f"({type(error).__name__}): put the copy there that you kept beside the project key"
        ) from None


def _read_private(path: Path) -> str:
    """Read a regular 0600 file; the mode is asked of the open file, which nobody can swap."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise KeyUnreadable(
                f"the key file {path.name} is no regular file: write the key to one"
            )
        if mode & 0o077:
            raise KeyUnreadable(
                f"the key file {path.name} has mode {stat.S_IMODE(mode):04o}, so others can read "
                "it: chmod 600 it"
            )
        return os.read(descriptor, LONGEST_FILE_BYTES).decode("utf-8", errors="replace")
    finally:
        os.close(descriptor)
