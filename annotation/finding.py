"""What a lint finds: a place, a broken rule, and what to do about it."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One broken rule of a codebook or of a form made from it."""

    file: str
    line: int
    rule: str
    remedy: str

    def __str__(self) -> str:
        """Say it in one line, as `confide codebook lint` prints it."""
        return f"{self.file}, line {self.line}: {self.rule}: {self.remedy}"
