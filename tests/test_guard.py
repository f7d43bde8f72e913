"""A fault of a library says its type and place, never a value."""

import json

import pytest

from flows.guard import guarded
from schema.errors import SourceRefused, UnexpectedFailure

SECRET = "quietlantern_4471 wrote: nobody knows"


@guarded
def _fails_with_a_value() -> None:
    json.loads("{" + SECRET)


@guarded
def _refuses() -> None:
    raise SourceRefused("pockets: Forbidden")


def test_an_unexpected_fault_loses_its_message_and_its_cause() -> None:
    with pytest.raises(UnexpectedFailure) as told:
        _fails_with_a_value()
    assert SECRET not in str(told.value)
    assert "JSONDecodeError" in str(told.value)
    assert told.value.__context__ is None
    assert told.value.__cause__ is None


def test_our_own_errors_pass() -> None:
    with pytest.raises(SourceRefused, match="pockets: Forbidden"):
        _refuses()
