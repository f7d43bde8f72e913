"""The study that `confide init` writes shows every kind of source with every key it has."""

import re
import tomllib
from importlib.resources import files
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from schema.sources import Source
from schema.study import BlueskyPlatform, Study

KINDS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model
    for model in get_args(get_args(Source)[0])
}
LEFT_OUT = {"kind", "name", "every", "cron", "keywords_file", "authors_file", "collect_replies"}


def template() -> str:
    text = files("flows").joinpath("study_template.toml").read_text("utf-8")
    return text.replace("STUDY-NAME", "porch").replace("YEAR", "2026")


@pytest.fixture(scope="module")
def written_out() -> dict[str, Any]:
    """Read the template with what stands behind `#` in its sources as if it were meant."""
    head, rest = template().split("# --- sources", 1)
    sources, tail = rest.split("# --- coding", 1)
    shown = re.sub(r"^# ?(?!-)", "", sources.partition("\n")[2], flags=re.M)
    return tomllib.loads(f"{head}{shown}\n#{tail}")


def test_every_kind_stands_in_it_and_is_valid(written_out: dict[str, Any]) -> None:
    study = Study.model_validate(written_out)
    assert {source.kind for source in study.source} == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_shown(written_out: dict[str, Any], kind: str) -> None:
    shown = {key for source in written_out["source"] if source["kind"] == kind for key in source}
    assert KINDS[kind].model_fields.keys() - LEFT_OUT <= shown


def test_every_address_of_bluesky_is_shown() -> None:
    assert tomllib.loads(template())["platforms"]["bluesky"].keys() == set(
        BlueskyPlatform.model_fields
    )
