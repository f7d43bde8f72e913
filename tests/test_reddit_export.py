"""Tables of a research programme: CSV and Parquet, through the study's map of columns."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors import reddit_export
from connectors.reddit_export import (
    check_export,
    export_native_ids,
    fetch_export_pages,
    parse_export_page,
)
from schema.errors import BadInput
from schema.pages import CollectionQuery, ParsedPage, RawPage

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
MAP = {
    "native_id": "id",
    "author": "author_hash",
    "title": "title",
    "text": "selftext",
    "created_at": "created",
    "venue": "subreddit",
}
COMMENTS = {
    "native_id": "id",
    "author": "author_hash",
    "text": "body",
    "created_at": "created",
    "venue": "subreddit",
    "root_native_id": "link",
    "parent_native_id": "parent",
}
HEADER = "id,author_hash,title,selftext,created,subreddit\n"


def query(position: str | None = None) -> CollectionQuery:
    return CollectionQuery(
        "rfr", "rfr/0", "*", datetime(2020, 1, 1, tzinfo=UTC), NOW, position=position
    )


def pages(path: Path, columns: dict[str, str], position: str | None = None) -> list[RawPage]:
    return list(fetch_export_pages(path, query(position), columns))


def parsed(path: Path, columns: dict[str, str]) -> list[ParsedPage]:
    return [parse_export_page(page) for page in pages(path, columns)]


def posts(path: Path, columns: dict[str, str]) -> pl.DataFrame:
    return pl.concat([page.posts for page in parsed(path, columns)])


def aside(path: Path, columns: dict[str, str]) -> dict[str, int]:
    return {e.rule: e.count for page in parsed(path, columns) for e in page.set_aside}


def csv_of(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "table.csv"
    path.write_text(header + "".join(f"{line}\n" for line in lines), "utf-8")
    return path


def table(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"t3_{number:x}" for number in range(1, count + 1)],
            "author_hash": [f"{number % 7:064x}" for number in range(count)],
            "title": [f"an invented title, number {number}" for number in range(count)],
            "selftext": [f"lamp {number},\nwith a comma and a line" for number in range(count)],
            "created": [datetime(2026, 1, 1 + number % 28, tzinfo=UTC) for number in range(count)],
            "subreddit": ["QuietPorch"] * count,
        }
    )


def written(folder: Path, rows: pl.DataFrame, suffix: str) -> Path:
    path = folder / f"table{suffix}"
    if suffix == ".csv":
        rows.write_csv(path)
    else:
        rows.write_parquet(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_s_rows_become_posts(tmp_path: Path, suffix: str) -> None:
    found = posts(written(tmp_path, table(3), suffix), MAP)
    assert found["native_id"].to_list() == ["t3_1", "t3_2", "t3_3"]
    assert found["text"].to_list() == table(3)["selftext"].to_list()
    assert found["created_at"].to_list() == table(3)["created"].to_list()
    assert found["author"].to_list() == table(3)["author_hash"].to_list()
    assert found["venue"].unique().to_list() == ["QuietPorch"]
    assert found["observed_at"].unique().to_list() == [NOW]
    assert found["kind"].unique().to_list() == ["submission"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_reading_goes_on_at_the_row_that_was_stored(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reddit_export, "PAGE_ROWS", 4)
    path = written(tmp_path, table(10), suffix)
    whole = pages(path, MAP)
    at = [json.loads(page.position or "") for page in whole]
    assert [place["row_at"] for place in at] == [4, 8, 10, 10]
    assert [place["is_end"] for place in at] == [False, False, False, True]
    assert [place["file_at"] for place in at] == sorted(place["file_at"] for place in at)
    assert at[-1]["file_at"] == path.stat().st_size
    for number, page in enumerate(whole):
        rest = [json.loads(p.position or "") for p in pages(path, MAP, page.position)]
        assert [place["row_at"] for place in rest] == [p["row_at"] for p in at[number + 1 :]]
    resumed = pl.concat([parse_export_page(p).posts for p in pages(path, MAP, whole[1].position)])
    assert resumed["native_id"].to_list() == ["t3_9", "t3_a"]


def test_an_id_a_kind_or_a_column_tells_a_comment_from_a_submission(tmp_path: Path) -> None:
    columns = MAP | {"kind": "kind", "root_native_id": "root", "parent_native_id": "parent"}
    header = HEADER.strip() + ",kind,root,parent\n"
    path = csv_of(
        tmp_path,
        "t1_c1,h1,,answer,1767225600,QuietPorch,,t3_s1,t3_s1",
        "c2,h1,,answer,1767225600,QuietPorch,Comment,s1,c1",
        "c3,h1,,answer,1767225600,QuietPorch,,s1,s1",
        "s1,h1,a title,,1767225600,QuietPorch,post,,",
        "s2,h1,a title,,1767225600,QuietPorch,,,",
        "s3,h1,a title,,1767225600,QuietPorch,advert,,",
        header=header,
    )
    found = posts(path, columns).select("native_id", "root_native_id", "parent_native_id", "title")
    assert found.rows() == [
        ("t1_c1", "t3_s1", "t3_s1", None),
        ("t1_c2", "t3_s1", "t1_c1", None),
        ("t1_c3", "t3_s1", "t3_s1", None),
        ("t3_s1", "t3_s1", None, "a title"),
        ("t3_s2", "t3_s2", None, "a title"),
    ]
    assert aside(path, columns) == {"neither a submission nor a comment": 1}


def test_a_comment_without_its_thread_is_set_aside(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path,
        "t1_c1,h1,words,1767225600,QuietPorch,,",
        "t1_c2,h1,words,1767225600,QuietPorch,t3_s1,",
        header="id,author_hash,body,created,subreddit,link,parent\n",
    )
    assert aside(path, COMMENTS) == {
        "root_native_id is no id": 1,
        "parent_native_id is no id": 1,
    }


@pytest.mark.parametrize(
    ("written_as", "meant"),
    [
        ("1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("1767225600.0", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01 02:00:00", datetime(2026, 1, 1, 2, tzinfo=UTC)),
        ("2026-01-01T02:00:00+02:00", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("1767225600000", None),
        ("last winter", None),
    ],
)
def test_dates_come_in_several_spellings(
    tmp_path: Path, written_as: str, meant: datetime | None
) -> None:
    path = csv_of(tmp_path, f"s1,h1,a title,words,{written_as},QuietPorch")
    if meant is None:
        assert aside(path, MAP) == {"created_at is no date": 1}
    else:
        assert posts(path, MAP)["created_at"].to_list() == [meant]


@pytest.mark.parametrize(
    "values",
    [
        [datetime(2026, 1, 1), datetime(2026, 1, 2)],  # noqa: DTZ001 - a table without zones
        [date(2026, 1, 1), date(2026, 1, 2)],
        [1767225600, 1767312000],
    ],
    ids=["no zone", "days", "seconds"],
)
def test_parquet_s_own_dates_are_read(tmp_path: Path, values: Sequence[Any]) -> None:
    rows = table(2).with_columns(created=pl.Series(values), author_hash=pl.Series([7, 8]))
    found = posts(written(tmp_path, rows, ".parquet"), MAP)
    assert found["created_at"].dt.day().to_list() == [1, 2]
    assert found["author"].to_list() == ["7", "8"]  # users that are numbers are users all the same


def test_rows_that_break_a_rule_are_set_aside_without_a_value(tmp_path: Path) -> None:
    columns = MAP | {"is_nsfw": "adult", "reddit_score": "score"}
    path = csv_of(
        tmp_path,
        "s1,h1,a title,words,1767225600,QuietPorch,false,12",
        "s2,h1,a title,words,1767225600,QuietPorch,perhaps,1",
        "s3,h1,a title,words,1767225600,QuietPorch,f,many",
        "s4,h1,a title,words with, a comma,1767225600,QuietPorch,f,1",
        "s5,,a title,words,1767225600,QuietPorch,f,1",
        "s6,h1,a title",
        "moss lantern,h1,a title,words,1767225600,QuietPorch,f,1",
        header=HEADER.strip() + ",adult,score\n",
    )
    assert aside(path, columns) == {
        "is_nsfw is neither true nor false": 1,
        "reddit_score is no count": 1,
        "not as many fields as the header": 2,
        "author is missing": 1,
        "native_id is no id": 1,
    }
    assert posts(path, columns).select("native_id", "reddit_score").rows() == [("t3_s1", 12)]
    told = [e.skeleton for page in parsed(path, columns) for e in page.set_aside]
    assert "lantern" not in " ".join(told)


def test_a_quote_that_is_never_closed_costs_no_memory_and_not_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reddit_export, "LONGEST_FIELD", 200)
    lines = [f"s{n},h1,a title,words,1767225600,QuietPorch" for n in range(9)]
    lines[2] = 's2,h1,"a title,words,1767225600,QuietPorch'
    path = csv_of(tmp_path, *lines)
    assert aside(path, MAP) == {"no line of CSV": 1}
    assert {"t3_s0", "t3_s1", "t3_s8"} <= set(posts(path, MAP)["native_id"])


def test_what_was_deleted_before_the_export_is_a_removal(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path,
        "s1,h1,a title,[removed],1767225600,QuietPorch",
        "s2,[deleted],a title,words,1767225600,QuietPorch",
    )
    [page, _] = parsed(path, MAP)
    assert page.posts.is_empty()
    assert page.removals.select("native_id", "reason").rows() == [
        ("t3_s1", "removed_by_moderator"),
        ("t3_s2", "account_deleted"),
    ]


def test_adult_posts_are_known_as_such(tmp_path: Path) -> None:
    path = csv_of(
        tmp_path,
        "s1,h1,a title,words,1767225600,QuietPorch,TRUE",
        "s2,h1,a title,words,1767225600,QuietPorch,0",
        header=HEADER.strip() + ",adult\n",
    )
    assert posts(path, MAP | {"is_nsfw": "adult"})["is_nsfw"].to_list() == [True, False]


def test_an_empty_table_is_read_to_its_end(tmp_path: Path) -> None:
    [page] = pages(csv_of(tmp_path), MAP)
    assert json.loads(page.position or "")["is_end"]
    assert parse_export_page(page).posts.is_empty()
    assert pages(csv_of(tmp_path), MAP, page.position) == []


def test_the_ids_of_a_table_are_those_of_its_posts(tmp_path: Path) -> None:
    path = csv_of(tmp_path, "s1,h1,a title,words,1767225600,P", "t3_s2,h1,a title,,1767225600,P")
    assert [name for page in export_native_ids(path, MAP) for name in page] == ["t3_s1", "t3_s2"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (MAP | {"mood": "mood"}, ("columns.mood is nothing an export can hold", "reddit_score")),
        ({k: v for k, v in MAP.items() if k != "author"}, ("columns.author is missing",)),
        (
            {k: v for k, v in MAP.items() if k not in ("text", "title")},
            ("columns.text is missing",),
        ),
        (
            MAP | {"venue": "community"},
            ("table.csv has no column community, which columns.venue names", "study.toml"),
        ),
    ],
    ids=["unknown target", "no author", "no words", "column not there"],
)
def test_a_map_that_does_not_fit_is_refused(
    tmp_path: Path, columns: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(BadInput) as refused:
        check_export(csv_of(tmp_path), columns)
    assert all(word in str(refused.value) for word in words)


def test_a_column_of_lists_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({column: [["moss"]] for column in MAP.values()}).write_parquet(path)
    with pytest.raises(BadInput, match="holds lists or structures: export it as text"):
        check_export(path, MAP)


@pytest.mark.parametrize("name", ["table.xlsx", "table.parquet"])
def test_what_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"no table")
    with pytest.raises(BadInput, match="table"):
        check_export(path, MAP)
