"""What a pass did, in counts."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Tally:
    """What a pass did, in counts: all that leaves a task.

    Each item that a platform sent is in exactly one of new, updated, unchanged, set aside, other
    language, outside policy, outside window, suppressed, and gone (it says that a post or an
    account went); removed counts what was held and is not any more, hidden what is held and not
    shown while its account is closed, returned what is shown again.
    """

    new_count: int = 0
    updated_count: int = 0
    unchanged_count: int = 0
    removed_count: int = 0
    hidden_count: int = 0
    returned_count: int = 0
    set_aside_count: int = 0
    other_language_count: int = 0
    outside_policy_count: int = 0
    outside_window_count: int = 0
    suppressed_count: int = 0
    gone_count: int = 0
    requests_count: int = 0

    def set_one_aside(self) -> None:
        """Count something that could not be read and must not end the pass."""
        self.set_aside_count += 1

    def add(self, other: "Tally") -> None:
        """Add another pass's counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
