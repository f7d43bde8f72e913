"""The dictionary that a Jetstream host compresses its frames with, one zstd frame each.

Source: `network.bsky.jetstream.getZstdDictionary`, v2 alone. A v1 host compresses with a dictionary
that is fixed in its source code and served nowhere, so v1 frames come plain.
"""

from typing import Final

import httpx
import zstandard

from connectors.jetstream_socket import FRAME_BYTES_MAX

METHOD: Final = "network.bsky.jetstream.getZstdDictionary"
BYTES_MAX: Final = 2**22
FETCH_SECONDS: Final = 10.0
_NOT_SERVED = frozenset({400, 401, 403, 404, 405, 410, 501})
_MAGIC = b"\x28\xb5\x2f\xfd"
_WINDOW_BYTES_MAX = FRAME_BYTES_MAX


class Unusable(Exception):
    """No dictionary could be had; says why, in words. `is_final`: asking again is of no use."""

    def __init__(self, reason: str, *, is_final: bool) -> None:
        """Take the reason."""
        super().__init__(reason)
        self.is_final = is_final


class Undecodable(Exception):
    """A frame does not unpack, or would to more than a frame may hold."""


class Dictionary:
    """A dictionary and what unpacks with it."""

    def __init__(self, blob: bytes) -> None:
        """Read a dictionary.

        Raises:
            Unusable: it is none.
        """
        try:
            data = zstandard.ZstdCompressionDict(blob, zstandard.DICT_TYPE_FULLDICT)
            self._unpacker = zstandard.ZstdDecompressor(
                dict_data=data, max_window_size=_WINDOW_BYTES_MAX
            )
        except zstandard.ZstdError:
            raise Unusable("it is no dictionary", is_final=True) from None
        self.id: Final = data.dict_id()
        if not self.id:
            raise Unusable("it has no number", is_final=True)

    def unpacked(self, raw: bytes) -> bytes:
        """Unpack a frame; one that came plain stays as it is.

        Raises:
            Undecodable: it unpacks to too much, or not at all.
        """
        if raw[:4] != _MAGIC:
            return raw
        try:
            size = zstandard.frame_content_size(raw)
            if size > FRAME_BYTES_MAX:  # the library would believe it and make the room
                raise Undecodable
            limit = 0 if size >= 0 else FRAME_BYTES_MAX
            return self._unpacker.decompress(raw, max_output_size=limit)
        except zstandard.ZstdError:
            raise Undecodable from None


def fetch_dictionary(url: str) -> Dictionary:
    """Ask a host, named by its http address, for its dictionary of the day.

    Raises:
        Unusable: it serves none, or none now, or what it serves is none.
    """
    is_secure = url.startswith("https:")  # else certificates are no use, and slow to load
    try:
        with httpx.stream(
            "GET", f"{url}/{METHOD}", timeout=FETCH_SECONDS, verify=is_secure
        ) as answer:
            if not answer.is_success:
                is_final = answer.status_code in _NOT_SERVED
                raise Unusable(str(answer.status_code), is_final=is_final)
            blob = b""
            for piece in answer.iter_bytes():
                blob += piece
                if len(blob) > BYTES_MAX:
                    raise Unusable("it is too large", is_final=True)
    except httpx.HTTPError as error:
        raise Unusable(type(error).__name__, is_final=False) from None
    return Dictionary(blob)
