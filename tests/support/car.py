"""Repositories as CAR files, whole or spoilt."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import libipld


class Blocks(dict[bytes, bytes]):
    """Blocks by their CID."""

    def add(self, value: Any) -> bytes:
        """Encode a value; return its CID."""
        block = libipld.encode_dag_cbor(value)
        cid = b"\x01\x71\x12\x20" + sha256(block).digest()
        self[cid] = block
        return cid

    def car(self, root: bytes) -> bytes:
        """Write a CAR file."""
        header = b"\xa2eroots\x81\xd8\x2aX\x25\x00" + root + b"gversion\x01"
        parts = [_sized(header), *(_sized(cid + block) for cid, block in self.items())]
        return b"".join(parts)


def repository(did: str, records: Mapping[str, Any], *, left: Any = None, **commit: Any) -> bytes:
    """Put records under their paths into a repository of one node; `left` stands beside it."""
    blocks, entries, before = Blocks(), [], b""
    for path in sorted(records):
        key = path.encode()
        shared = next(
            (n for n, (a, b) in enumerate(zip(before, key, strict=False)) if a != b),
            min(len(before), len(key)),
        )
        value = blocks.add(records[path])
        entries.append({"p": shared, "k": key[shared:], "v": value, "t": None})
        before = key
    data = blocks.add({"l": left, "e": entries})
    head = {"did": did, "version": 3, "rev": "3abc", "prev": None, "data": data, "sig": b"s"}
    return blocks.car(blocks.add(head | commit))


def _sized(part: bytes) -> bytes:
    size, number = len(part), b""
    while True:
        size, low = size >> 7, size & 127
        number += bytes([low | 128 if size else low])
        if not size:
            return number + part
