# ruff: noqa: RUF001 - full-width letters are a trick to be undone
"""`confide scrub` on plain files: what it writes, where it says things stood, what it refuses."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.plain_files import ROWS
from flows.scrub_file import scrub_file
from schema.errors import BadInput
from tests.test_cli import say
from tests.test_scrub_entities import FORMS, PEOPLE, PLACES
from transforms.masks import PLACEHOLDERS
from transforms.scrub import scrub
from transforms.spans import spans

# Invented, as every line of these tests.
ROWS_OF_TEXT = [
    {"id": 1, "text": "I told Karen at @quietfox, call 555-010-4477"},
    {"id": 2, "text": 'quoted "nothing", and\na second line'},
    {"id": 3, "text": None},
    {"id": 4, "text": "ｊａｎｅ＠ｍａｉｌ．ｅｘａｍｐｌｅ 🌸 Sarah, Sarah"},
]
MASKED = [
    "I told [NAME] at [HANDLE], call [PHONE]",
    'quoted "nothing", and\na second line',
    None,
    "[EMAIL] 🌸 [NAME], [NAME]",
]
SPANS = [
    [[7, 12, "NAME"], [16, 25, "HANDLE"], [32, 44, "PHONE"]],
    [],
    [],
    [[0, 17, "EMAIL"], [20, 25, "NAME"], [27, 32, "NAME"]],
]


def written(folder: Path, kind: str) -> Path:
    """Write the rows as a file of a kind."""
    path = folder / f"in.{kind}"
    frame = pl.DataFrame(ROWS_OF_TEXT)
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "csv":
        frame.write_csv(path)
    else:
        frame.write_ndjson(path)
    return path


def read(path: Path) -> list[dict[str, object]]:
    """Read a file's rows back, spans as lists."""
    if path.suffix == ".parquet":
        rows = pl.read_parquet(path).to_dicts()
        return [row | {"spans": [list(span.values()) for span in row["spans"]]} for row in rows]
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            {"id": int(row["id"]), "text": row["text"] or None, "spans": json.loads(row["spans"])}
            for row in csv.DictReader(lines)
        ]


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson"])
def test_a_table_is_masked_and_says_where(tmp_path: Path, kind: str) -> None:
    source, target = written(tmp_path, kind), tmp_path / f"out.{kind}"
    said = say("scrub", str(source), str(target), "--spans").succeeds().out
    assert said == "rows 4, EMAIL 1, HANDLE 1, NAME 3, PHONE 1\n"
    assert read(target) == [
        {"id": number + 1, "text": text, "spans": found}
        for number, (text, found) in enumerate(zip(MASKED, SPANS, strict=True))
    ]


def test_columns_that_are_not_asked_for_come_through(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    source.write_text('{"a": {"b": [1, "Karen"]}, "body": "Karen left"}\n\n{"body": ""}\n', "utf-8")
    done = scrub_file(source, target, column="body", with_spans=False)
    assert done == {"rows": 2, "NAME": 1}
    assert target.read_text("utf-8") == (
        '{"a":{"b":[1,"Karen"]},"body":"[NAME] left"}\n{"body":""}\n'
    )


def test_a_long_file_is_read_by_the_piece(tmp_path: Path) -> None:
    count = ROWS + 5
    frame = pl.DataFrame({"text": ["Karen left", "she is sad"] * count}).head(count)
    frame.write_parquet(tmp_path / "in.parquet")
    done = scrub_file(tmp_path / "in.parquet", tmp_path / "out.parquet", column="text",
                      with_spans=False)  # fmt: skip
    assert done == {"rows": count, "NAME": (count + 1) // 2}
    assert pl.read_parquet(tmp_path / "out.parquet")["text"].equals(scrub(frame)["text"])


@pytest.mark.parametrize(
    ("name", "content", "target", "column", "sentence"),
    [
        ("in.csv", None, "out.csv", "text", "no such file"),
        ("in.txt", "a", "out.txt", "text", "a table ends in"),
        ("in.csv", "text\na\n", "out.ndjson", "text", "of the input's kind"),
        ("in.csv", "text\na\n", "in.csv", "text", "is there already"),
        ("in.csv", "body\na\n", "out.csv", "text", "has no column text"),
        ("in.csv", "", "out.csv", "text", "has no column text"),
        ("in.csv", "text,spans\na,b\n", "out.csv", "text", "has a column spans already"),
        ("in.csv", "text,b\na\n", "out.csv", "text", "1 rows have not"),
        ("in.csv", 'text\n"a', "out.csv", "text", "is no CSV"),
        ("in.csv", "text\n\udcff", "out.csv", "text", "is no CSV"),
        ("in.ndjson", '{"text": "a"}\n{"text": "Ka', "out.ndjson", "text", "line 2 is no JSON"),
        ("in.ndjson", '{"text": 3}', "out.ndjson", "text", "line 1 has no text"),
        ("in.parquet", "PAR?", "out.parquet", "text", "is no Parquet file"),
        ("in.csv", "text\na\n", "no/such/out.csv", "text", "cannot be written"),
    ],
)  # fmt: skip
def test_a_person_is_told_what_to_mend(
    tmp_path: Path, name: str, content: str | None, target: str, column: str, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    before = {path.name for path in tmp_path.iterdir()}
    done = say("scrub", str(tmp_path / name), str(tmp_path / target), "--spans", "--column", column)
    done.refuses(2, sentence)
    assert "Ka" not in done.said
    assert {path.name for path in tmp_path.iterdir()} == before


def test_a_column_of_numbers_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"text": [1]}).write_parquet(tmp_path / "in.parquet")
    with pytest.raises(BadInput, match="holds no text"):
        scrub_file(tmp_path / "in.parquet", tmp_path / "out.parquet", column="text",
                   with_spans=False)  # fmt: skip


PIECES = st.sampled_from(
    [line for line, _ in PEOPLE + PLACES + FORMS if line.isascii()]
    + ["I am tired.", "@quietfox", "u/sad_otter", "https://moss.example/a", "[NAME]", "[sigh]"]
)


@settings(max_examples=60)
@given(st.lists(PIECES, min_size=1, max_size=8).map("\n".join))
def test_placeholders_put_at_the_spans_give_the_masked_text(text: str) -> None:
    masked = str(scrub(pl.DataFrame({"text": [text]}))["text"][0])
    rebuilt, end = "", 0
    found = spans(text, masked)
    for start, stop, mask in found:
        rebuilt += text[end:start] + f"[{mask}]"
        end = stop
    rebuilt += text[end:]
    for number in PLACEHOLDERS:
        if number.startswith("[NAME "):
            masked = masked.replace(number, "[NAME]")
    assert rebuilt == masked
    assert not any(text[start:stop].isspace() for start, stop, _ in found)


@pytest.mark.parametrize(("line", "wanted"), [pair for pair in PEOPLE if "\u0301" not in pair[0]])
def test_a_span_is_the_words_that_went(line: str, wanted: str) -> None:
    for start, end, mask in spans(line, wanted):
        assert mask == "NAME"
        assert line[start].isalpha()
        assert line[end - 1].isalpha()
        assert not line[start - 1 : start].isalpha()
        assert not line[end : end + 1].isalpha()
