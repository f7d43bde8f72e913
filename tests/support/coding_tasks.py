"""Invented units for coders."""

from schema.coding import CodingTask, Turn

CODER = "c1"


def coding_task(number: int, **changes: object) -> CodingTask:
    """Return an invented unit."""
    fields: dict[str, object] = {
        "unit_key": 0x1000 + number,
        "unit_kind": "root",
        "title": f"Invented title {number}",
        "text": f"An invented post, number {number}. I have not slept in weeks and had to say it.",
        "thread": (),
        "content_note": "Topic: sleep. Intensity: low.",
    }
    return CodingTask(**(fields | changes))  # type: ignore[arg-type]


def turn(text: str, *, post_uid: str = "") -> Turn:
    """Return an invented post of the context; of a thread's replies, with its key."""
    return Turn("author 1", text, post_uid)
