"""`confide dedup`: anybody's table, its rows marked, nothing else changed."""

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app

LETTER = "The letter from the bank came on Monday and I have hidden it under the sink ever since"
TEXTS = ["short", LETTER, "", "Short!", LETTER.replace("Monday", "Tuesday"), None, LETTER.upper()]
ROWS = pl.DataFrame({"number": [f"0{n}" for n in range(7)], "text": TEXTS})
READ = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".ndjson": pl.read_ndjson}


def written(path: Path, rows: pl.DataFrame = ROWS) -> Path:
    getattr(rows, f"write_{path.suffix[1:]}")(path)
    return path


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["dedup", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.mark.parametrize("kind", READ)
def test_rows_are_marked_and_all_else_stays(tmp_path: Path, kind: str) -> None:
    source, target = written(tmp_path / f"in{kind}"), tmp_path / f"out{kind}"
    code, said = run(source, target, "--json")
    assert (code, json.loads(said)) == (0, {"rows": 7, "exact": 2, "near": 1, "clusters": 2})
    found = READ[kind](target)
    assert found.columns == ["number", "text", "duplicate_of", "similarity", "cluster"]
    assert found["duplicate_of"].to_list() == [None, None, None, 1, 2, None, 2]
    assert found["cluster"].to_list() == [1, 2, None, 1, 2, None, 2]
    assert found["similarity"].to_list() == [None, None, None, 1, pytest.approx(17 / 18), None, 1]
    assert found.select(ROWS.columns).equals(READ[kind](source))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_csv_fields_come_through_letter_by_letter(tmp_path: Path) -> None:
    source, target = written(tmp_path / "in.csv"), tmp_path / "out.csv"
    assert run(source, target)[0] == 0
    assert target.read_text().splitlines()[1].startswith("00,short,")


def test_another_column_may_be_compared_and_a_table_be_empty(tmp_path: Path) -> None:
    named = ROWS.rename({"text": "body"})
    source = written(tmp_path / "in.parquet", named)
    assert run(source, tmp_path / "out.parquet", "--column", "body")[0] == 0
    source = written(tmp_path / "none.parquet", ROWS.clear())
    code, said = run(source, tmp_path / "none_out.parquet", "--json")
    assert (code, json.loads(said)["rows"]) == (0, 0)


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("in.txt", "out.txt", "a table ends in"),
        ("in.csv", "out.ndjson", "end it .csv"),
        ("absent.csv", "out.csv", "no such file"),
        ("in.csv", "in.csv", "is there already"),
        ("in.csv", "nowhere/out.csv", "cannot be written"),
        ("numbers.parquet", "out.parquet", "holds no text"),
        ("marked.csv", "out.csv", "has a column cluster already"),
        ("other.csv", "out.csv", "has no column text"),
        ("torn.ndjson", "out.ndjson", "mend it"),
        ("torn.parquet", "out.parquet", "mend it"),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence(
    tmp_path: Path, source: str, target: str, told: str
) -> None:
    written(tmp_path / "in.csv")
    written(tmp_path / "numbers.parquet", pl.DataFrame({"text": [1, 2]}))
    written(tmp_path / "marked.csv", ROWS.with_columns(cluster=1))
    written(tmp_path / "other.csv", ROWS.select("number"))
    (tmp_path / "torn.ndjson").write_text('{"text": "moss"}\n{"text": "a secret fern\n')
    (tmp_path / "torn.parquet").write_text("a secret fern")
    code, said = run(tmp_path / source, tmp_path / target)
    assert code == 2
    assert told in " ".join(said.split())
    assert "secret" not in said
    assert len(list(tmp_path.iterdir())) == 6
