"""How the vault hides what it holds: rows sealed with AES-GCM, found by keyed hashes.

Sources: RFC 2104, NIST SP 800-38D (random 96-bit nonces, far below its limit of 2^32).
"""

import hmac
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.keys import VaultKeys
from schema.vocabulary import PLATFORMS, Platform

TOKEN_BYTES = 16  # 128 bits: no two of any real number of rows will meet
NONCE_BYTES = 12


class Seals:
    """A vault's three keys at work: to seal values, to look rows up, to know who stays out."""

    def __init__(self, keys: VaultKeys) -> None:
        """Take the keys; nothing here shows them."""
        self._keys = keys
        self._cipher = AESGCM(keys.sealing)
        self._platforms = {
            platform: token(keys.lookup, b"platform", platform.encode()) for platform in PLATFORMS
        }

    def seal(self, value: bytes, place: bytes) -> bytes:
        """Encrypt a value so that it opens in its own row only."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def unseal(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt the value of a row.

        Raises:
            InvalidTag: another key, another row, or changed bytes.
        """
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)

    def post(self, post_key: int) -> bytes:
        """Hash the key of a post.

        Raises:
            ValueError: it is no 64-bit number.
        """
        if not 0 <= post_key < 1 << 64:
            raise ValueError("a post key is an unsigned 64-bit number")
        return token(self._keys.lookup, b"post", post_key.to_bytes(8, "big"))

    def platform(self, platform: Platform) -> bytes:
        """Hash the name of a platform."""
        return self._platforms[platform]

    def pending(self, value: bytes) -> bytes:
        """Hash a removal that is written down; the same one twice is one row."""
        return token(self._keys.lookup, b"pending", value)

    def cause(self, cause: str) -> bytes:
        """Hash a cause: it may be the DID of a labeler."""
        return token(self._keys.suppression, b"cause", cause.encode("utf-8"))

    def staying_out(self, platform: Platform, kind: str, names: Iterable[str]) -> dict[str, bytes]:
        """Hash posts (`post`) or accounts (`author`) by name."""
        return {name: self._staying_out(platform, kind, name) for name in dict.fromkeys(names)}

    def of_either(
        self, platform: Platform, native_ids: Iterable[str], authors: Iterable[str]
    ) -> list[bytes]:
        """Hash posts and accounts."""
        tokens = [self._staying_out(platform, "post", name) for name in native_ids]
        return tokens + [self._staying_out(platform, "author", name) for name in authors]

    def _staying_out(self, platform: Platform, kind: str, name: str) -> bytes:
        # Reddit takes names and ids in any case; a DID or an at-uri is what it is
        spelt = name.lower() if platform == "reddit" else name
        return token(self._keys.suppression, f"{platform}/{kind}".encode(), spelt.encode("utf-8"))


def token(key: bytes, use: bytes, value: bytes) -> bytes:
    """Hash a value under a key and a use; uses hold no zero byte, so none can be mistaken."""
    return hmac.digest(key, use + b"\0" + value, "sha256")[:TOKEN_BYTES]
