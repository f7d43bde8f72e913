"""Where a Bluesky account is at home: its DID document says. Pure.

Source: W3C did:web, and did:plc's directory. A network on this machine (`is_local`) may name
servers on it and no others; the real one names servers that speak https and lie elsewhere.
"""

from urllib.parse import urlsplit

from atproto import DidDocument
from atproto_core.did_doc import is_valid_did_doc

from schema.study import is_loopback


def document_address(directory: str, did: str, *, is_local: bool) -> str | None:
    """Tell where an account's document lies; None where it must not or cannot be asked for."""
    method, _, name = did.removeprefix("did:").partition(":")
    if method == "plc":
        return f"{directory.rstrip('/')}/{did}"
    is_plain = method == "web" and ":" not in name and "%" not in name
    return f"https://{name}/.well-known/did.json" if is_plain and not is_local else None


def server_in(document: object, did: str, *, is_local: bool) -> str | None:
    """Take the account's own server from its document; None where it names none to be asked."""
    if not (isinstance(document, dict) and is_valid_did_doc(document)):
        return None
    server = DidDocument.from_dict(document).get_pds_endpoint()
    if not server or document.get("id") != did:
        return None
    schemes = ("http", "https") if is_local else ("https",)
    is_fit = urlsplit(server).scheme in schemes and is_loopback(server) == is_local
    return str(server) if is_fit else None
