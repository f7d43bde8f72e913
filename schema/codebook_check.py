"""Data into a codebook, and the model's complaint as one place and one sentence."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schema.codebook import Codebook

_REMEDIES = {
    "extra_forbidden": "is not a key here: remove or respell it",
    "missing": "is missing: add it",
    "too_short": "is empty: add at least one",
    "string_too_short": "is empty: write it",
    "string_type": "is not text: put it in quotes",
}


class CodebookFault(ValueError):
    """A codebook breaks its model; the message says rule and remedy."""

    def __init__(self, keys: tuple[int | str, ...], message: str) -> None:
        """Keep the `keys` that lead to the place."""
        super().__init__(message)
        self.keys = keys


def codebook_from(data: object) -> Codebook:
    """Build a codebook from what a YAML file held.

    Raises:
        CodebookFault: a rule of the model is broken; tells of the first, and counts the rest.
    """
    try:
        return Codebook.model_validate(data)
    except ValidationError as error:
        raise _fault(error.errors(include_url=False)) from None


def _fault(errors: list[ErrorDetails]) -> CodebookFault:
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")  # a typo first
    keys = tuple(key for key in first["loc"] if key != "[key]")
    place = ".".join(str(key + 1) if isinstance(key, int) else key for key in keys)
    told = _REMEDIES.get(first["type"], f"is wrong: {first['msg'].removeprefix('Value error, ')}")
    more = f" ({len(errors) - 1} more behind it)" if len(errors) > 1 else ""
    return CodebookFault(keys, f"{place or 'the codebook'} {told}{more}")
