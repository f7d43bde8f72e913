"""`confide agreement`: anybody's table of codings, whatever its kind."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from tests.test_agreement import expected, published

KINDS = (".parquet", ".csv", ".ndjson")


def written(path: Path, rows: pl.DataFrame) -> Path:
    getattr(rows, f"write_{path.suffix[1:]}")(path)
    return path


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["agreement", *map(str, arguments)])
    return result.exit_code, result.output


def measured(*arguments: str | Path) -> list[dict[str, Any]]:
    code, said = run(*arguments, "--json")
    assert code == 0, said
    rows: list[dict[str, Any]] = json.loads(said)
    return rows


@pytest.mark.recordings
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_any_kind_gives_the_published_alpha(
    tmp_path: Path, shared: Path, kind: str
) -> None:
    rows = [
        (row["unit"], coder, float(cell) if cell else None)
        for row in published(shared, "krippendorff2011")
        for coder, cell in list(row.items())[1:]
    ]
    table = pl.DataFrame(rows, schema=["post", "who", "grade"], orient="row")
    source = written(tmp_path / f"in{kind}", table)
    named = (source, "--unit", "post", "--coder", "who", "--value", "grade")
    for level, numbers in expected(shared)["krippendorff2011"].items():
        [row] = measured(*named, "--level", level)
        assert row["alpha"] == pytest.approx(numbers["independent"], abs=5e-7)
        assert row["alpha_low"] < row["alpha"] < row["alpha_high"]
    assert f"{row['alpha']:.2f} [" in run(*named, "--level", level)[1]


CODES = pl.DataFrame(
    {
        "unit": [1, 1, 2, 2, 1, 1, 2, 2],
        "coder": ["a", "b"] * 4,
        "code": ["x"] * 4 + ["y"] * 4,
        "value": ["yes", "yes", "no", "no", "no", "no", "no", "no"],
    }
)


def test_each_code_has_a_row_and_what_is_undefined_says_why(tmp_path: Path) -> None:
    source = written(tmp_path / "in.csv", CODES)
    first, second = measured(source, "--code", "code")
    assert (first["code"], first["alpha"]) == ("x", 1.0)
    assert (second["code"], second["alpha"]) == ("y", None)
    assert second["reason"] == "only one value occurs"
    assert "only one value occurs" in run(source, "--code", "code")[1]


def test_sets_are_lists_or_text_with_bars(tmp_path: Path) -> None:
    lists = pl.DataFrame(
        {
            "unit": [1, 1, 2, 2, 3, 3],
            "coder": ["a", "b"] * 3,
            "value": [["p", "q"], ["q", "p"], ["p"], ["p", "q"], [], ["r"]],
        }
    )
    texts = lists.with_columns(value=pl.Series(["p|q", '["q", "p"]', "p", "p | q", "[]", "r"]))
    held = measured(written(tmp_path / "in.ndjson", lists), "--level", "set")
    assert [row["level"] for row in held] == ["masi", "jaccard"]
    assert measured(written(tmp_path / "in.csv", texts), "--level", "set") == held


@pytest.mark.parametrize(
    ("rows", "options", "told"),
    [
        (CODES, (), "8 rows, the first of them number 1, share unit, coder and code"),
        (CODES.drop("coder"), (), "has no column coder; --coder takes one it has"),
        (CODES, ("--code", "code", "--level", "ordinal"), "hold no number, as ordinal asks"),
        (CODES, ("--code", "code", "--level", "cardinal"), "--level takes nominal, ordinal"),
        (CODES, ("--code", "unit"), "one column cannot be two things"),
        (
            CODES.with_columns(unit=None),
            ("--code", "code"),
            "8 rows, the first of them",
        ),
        (CODES.with_columns(value=pl.lit("-1")), ("--code", "code", "--level", "ratio"), "below 0"),
        (CODES.with_columns(value=pl.lit("[1")), ("--code", "code", "--level", "set"), "JSON list"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    tmp_path: Path, rows: pl.DataFrame, options: tuple[str, ...], told: str
) -> None:
    code, said = run(written(tmp_path / "in.csv", rows), *options)
    assert code == 2
    assert told in " ".join(said.split())
    assert "yes" not in said


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "torn.ndjson").write_text('{"unit": "a secret fern\n')
    for name, told in (
        ("in.txt", "a table ends in"),
        ("absent.csv", "no such file"),
        ("torn.ndjson", "mend it"),
    ):
        code, said = run(tmp_path / name)
        assert code == 2
        assert told in " ".join(said.split())
        assert "secret" not in said
