"""Jetstream's v1 wire, for hosts that speak only that: its address, and events brought into v2's.

Source: `/subscribe`, bare JSON objects. Cursor: `time_us`, the host's clock in microseconds,
inclusive, and unique to an event on its host. Limits: about 36 hours are kept, and a cursor from
before that is moved up without a word; there is no `#sync`. Account and identity events come
whatever collections are asked for.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from connectors.atproto_syntax import iso
from connectors.jetstream_wire import COLLECTIONS, EPOCH, KINDS, METHOD, Event, Fault, Told

PATH: Final = "/subscribe"


def address(base: str, cursor: int | None) -> str:
    """Write what is asked of a v1 host; `cursor` is in microseconds, None the live tip."""
    query: dict[str, Any] = {"wantedCollections": COLLECTIONS}
    if cursor is not None:
        query["cursor"] = cursor
    return f"{base}{PATH}?{urlencode(query, doseq=True)}"


def read_event(raw: bytes) -> Told:
    """Bring one event into v2's form; its time stands for the number it lacks."""
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Fault("frame is no JSON", None)
    if not isinstance(event, dict):
        return Fault("frame is no object", event)
    kind, time_us = event.get("kind"), event.get("time_us", -1)
    if not isinstance(kind, str) or kind not in KINDS:
        return Fault("kind of event was not asked for", event)
    body, witnessed_at = event.get(kind), _instant(time_us)
    if witnessed_at is None:
        return Fault("event has no time", event)
    if not isinstance(body, dict):
        return Fault("event does not say what happened", event)
    head = {"$type": f"{METHOD}#{kind}", "seq": time_us, "did": event.get("did")}
    head["time"] = head["witnessedAt"] = iso(witnessed_at)
    payload = body | head if kind == "commit" else head | {kind: body}
    return Event(int(time_us), witnessed_at, payload)


def _instant(time_us: Any) -> datetime | None:
    if type(time_us) is not int or time_us < 0:
        return None
    try:
        return EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return None
