"""Monthly dumps, read from the disk: every line stored, dropped by a filter, or set aside."""

import json
import random
import re
import subprocess
import sys
from codecs import BOM_UTF8
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.invented_dump import write_dump
from connectors import reddit_dump
from connectors.reddit_archive import (
    ArchiveFilter,
    archive_id,
    fetch_archive_pages,
    json_reader,
    parse_archive_page,
    read_lines,
)
from connectors.reddit_archive_filter import is_wanted
from schema.errors import BadInput
from schema.pages import Coverage
from tests.support.dumps import (
    COMMENT,
    CREATED,
    MISSING,
    NOW,
    SUBMISSION,
    counts,
    frame,
    ids,
    line,
    lines,
    pages,
    query,
    read,
    read_items,
    row,
    together,
)

PORCH = ArchiveFilter(frozenset({"quietporch"}))
SECOND = datetime.fromtimestamp(CREATED, UTC)


def numbered(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [row(SUBMISSION, id=f"{n:x}", created_utc=CREATED + n, **changes) for n in range(count)]


@pytest.fixture(scope="module")
def big_dump(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return a dump of several pages, and how many lines it has."""
    path = tmp_path_factory.mktemp("dump") / "RS_2022-01.zst"
    return path, write_dump(path, 200 * 2**20, window_log=23)


# --- files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("window_log", [17, 27, 31])
def test_a_frame_of_any_window_up_to_two_gib_is_read(tmp_path: Path, window_log: int):
    path = tmp_path / "RS_2015-01.zst"
    path.write_bytes(frame(lines(numbered(50)), window_log=window_log))
    assert zstandard.get_frame_parameters(path.read_bytes()).window_size == 2**window_log
    assert read(path).posts.height == 50


def test_frames_that_follow_each_other_anywhere_in_a_line_are_one_file(tmp_path: Path):
    path, data = tmp_path / "RC_2015-01.zst", lines(numbered(90))
    skipped = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"
    cut = len(data) // 2 + 7
    checked = frame(data[:cut], write_checksum=True)
    path.write_bytes(skipped + checked + skipped + frame(b"") + frame(data[cut:]))
    assert read(path).posts.height == 90
    assert read(path).set_aside == ()


def test_plain_lines_are_read_with_or_without_a_last_line_end(tmp_path: Path):
    path = tmp_path / "RC_2015-01.ndjson"
    for end in (b"", b"\n", b"\r\n", b"\n\n  \n"):
        path.write_bytes(lines(numbered(3)) + line(COMMENT) + end)
        assert (read(path).posts.height, read(path).set_aside) == (4, ())


@pytest.mark.parametrize("is_packed", [True, False])
def test_a_byte_order_mark_costs_no_line(tmp_path: Path, is_packed: bool):
    path = tmp_path / "RC_2015-01.ndjson"
    data = BOM_UTF8 + lines(numbered(3))
    path.write_bytes(frame(data) if is_packed else data)
    assert (read(path).posts.height, read(path).set_aside) == (3, ())


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("gone.zst", None, "cannot be read (FileNotFoundError)"),
        ("empty.ndjson", b"", "is empty"),
        ("empty.zst", zstandard.compress(b""), "is empty"),
        ("table.csv", b"id,body\n1,hello\n", "holds no lines of JSON"),
        ("picture.zst", zstandard.compress(bytes(range(256))), "holds no lines of JSON"),
        ("old.bz2", b"BZh91AY&SY{}", "holds no lines of JSON"),
    ],
)
def test_what_is_no_dump_is_refused_by_its_name_alone(
    tmp_path: Path, name: str, content: bytes | None, problem: str
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput) as refused:
        read(path)
    assert str(refused.value).startswith(f"{name}: {problem}")
    assert str(tmp_path) not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_folder_and_a_window_above_two_gib_are_refused(tmp_path: Path):
    with pytest.raises(BadInput, match="IsADirectoryError"):
        archive_id(tmp_path)
    with pytest.raises(BadInput, match="IsADirectoryError"):
        pages(tmp_path)
    path = tmp_path / "wide.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd\x00\xb0" + bytes(20))  # window descriptor: 2**32
    with pytest.raises(BadInput, match=r"wide\.zst: asks for a window of 4096 MiB"):
        pages(path)


def test_a_file_keeps_its_id_under_another_name_and_another_file_has_another(tmp_path: Path):
    first, moved, longer = (tmp_path / name for name in ("a.zst", "b.zst", "c.zst"))
    first.write_bytes(b"x" * 3_000_000)
    moved.write_bytes(b"x" * 3_000_000)
    longer.write_bytes(b"x" * 3_000_001)
    assert archive_id(first) == archive_id(moved) != archive_id(longer)
    assert len(archive_id(first)) == 16
    assert int(archive_id(first), 16) > 0


# --- where a reading stopped ---------------------------------------------------------------


def test_a_reading_killed_after_any_page_goes_on_without_loss_or_repetition(
    big_dump: tuple[Path, int],
):
    path, lines_count = big_dump
    whole = pages(path)
    assert len(whole) > 2
    position, resumed = None, []
    while True:
        reading = fetch_archive_pages(path, query(position=position), ArchiveFilter())
        page = next(reading, None)
        reading.close()
        if page is None:
            break
        resumed.append(page)
        position = page.position
    assert [page.position for page in resumed] == [page.position for page in whole]
    assert all(one.rows.equals(other.rows) for one, other in zip(resumed, whole, strict=True))
    assert resumed[-1].covered == whole[-1].covered != ()
    assert sum(page.rows.height for page in resumed) == lines_count
    places = [json.loads(page.position) for page in whole]
    assert places[-1]["file_at"] == path.stat().st_size
    assert [place["is_end"] for place in places] == [False] * (len(whole) - 1) + [True]
    assert 10_000 <= whole[0].rows.height < 50_000


@settings(max_examples=40)
@given(st.binary(max_size=400), st.integers(1, 60), st.booleans(), st.randoms())
def test_blocks_of_any_size_from_any_of_their_ends_give_every_line_once(
    tmp_path_factory, data, size, is_packed, chance
):
    path = tmp_path_factory.mktemp("blocks") / "dump"
    data = b"{\n" + data.replace(b"\x28\xb5", b"")
    path.write_bytes(frame(data) if is_packed else data)
    told = [
        (one.read(), one.line_at, one.too_long_count)
        for one in reddit_dump.read_blocks(path, 0, block_bytes=size)
    ]
    every = re.findall(rb"[^\n]*\n|[^\n]+$", data)
    fitting = [one for one in every if len(one) < size + one.endswith(b"\n")]
    assert b"".join(block for block, _, _ in told) == b"".join(fitting)
    assert sum(count for _, _, count in told) == len(every) - len(fitting)
    assert told[-1][1] == len(data)
    start = chance.choice([line_at for _, line_at, _ in told])
    rest = [one.read() for one in reddit_dump.read_blocks(path, start, block_bytes=size)]
    assert b"".join(rest) == b"".join(block for block, at, _ in told if at > start)


def test_a_file_cut_short_gives_its_whole_lines_and_the_mended_file_the_rest(tmp_path: Path):
    data = lines(numbered(3_000, selftext=random.Random(3).randbytes(60).hex()))
    packed = frame(data)
    cut_at = [*range(40, len(packed), len(packed) // 9), len(packed) - 1]
    path = tmp_path / "RS_2015-01.zst"
    for cut in cut_at:
        path.write_bytes(packed[:cut])
        first = pages(path)
        parsed = together(map(parse_archive_page, first))
        assert counts(parsed.set_aside) == {"file is cut short": 1}
        assert first[-1].covered == ()
        place = json.loads(first[-1].position or "")
        assert not place["is_end"]
        assert data[: place["line_at"]].count(b"\n") == parsed.posts.height
        path.write_bytes(packed)
        rest = read(path, position=first[-1].position)
        assert ids(parsed.posts) + ids(rest.posts) == ids(read(path).posts)
        assert rest.set_aside == ()


def test_compressed_data_damaged_on_the_way_ends_the_reading_there(tmp_path: Path):
    path = tmp_path / "RS_2015-01.zst"
    chance = random.Random(5)
    data = lines(row(SUBMISSION, id=f"{n:x}", x=chance.randbytes(40).hex()) for n in range(9_000))
    packed = bytearray(frame(data, write_checksum=True))
    for at in range(len(packed) // 2, len(packed) // 2 + 400):
        packed[at] ^= 0x5A
    path.write_bytes(packed)
    [page] = pages(path)
    parsed = parse_archive_page(page)
    assert counts(parsed.set_aside) == {"compressed data is damaged from here on": 1}
    assert 0 < parsed.posts.height < 9_000
    assert not json.loads(page.position or "")["is_end"]


# --- lines that are no rows ----------------------------------------------------------------

DAMAGED: list[tuple[bytes, str]] = [
    (b'{"id":"abc","title":"a lost', "line is no JSON"),
    (b"\x00" * 500, "line is no JSON"),
    (b'{"id":"abc","title":"\xff\xfe"}', "line is no JSON"),
    (b'{"id":"a"} {"id":"b"}', "line is no JSON"),
    (b"[" * 100_000, "line is no JSON"),
    (b"[1, 2]", "line is no object"),
    (b'"a text"', "line is no object"),
    (b"null", "line is no object"),
    (b"17", "line is no object"),
    (b"{}", "neither a submission nor a comment"),
    (b'{"kind":"t5","display_name":"QuietPorch"}', "neither a submission nor a comment"),
    (b'{"id":"abc","subreddit":"QuietPorch"}', "neither a submission nor a comment"),
    (
        line({**SUBMISSION, "title": "half \ud83d"}).replace(b"\xed\xa0\xbd", b"\\ud83d"),
        "half a surrogate pair",
    ),
    (line({**SUBMISSION, "flair": "half"}).replace(b"half", b"\\udc4b"), "half a surrogate pair"),
]


def test_each_damaged_line_is_set_aside_under_its_rule_and_the_rest_is_read(tmp_path: Path):
    path = tmp_path / "RS_2015-01.ndjson"
    mixed = [part for broken, _ in DAMAGED for part in (broken, line(SUBMISSION), b"", b" \t\r")]
    good = numbered(40)
    path.write_bytes(b"\n".join([*mixed, *map(line, good), line(COMMENT)]))
    parsed = read(path)
    expected: dict[str, int] = {}
    for _, rule in DAMAGED:
        expected[rule] = expected.get(rule, 0) + 1
    assert counts(parsed.set_aside) == expected
    assert ids(parsed.posts) == ["t3_1abcd2", *(f"t3_{n:x}" for n in range(40)), "t1_k0aaaa"]
    told = " ".join(entry.skeleton for entry in parsed.set_aside)
    assert not any(word in told for word in ("Porch", "lost", "half", "a text", "abc"))


def test_a_line_too_long_for_a_block_is_set_aside_and_one_that_fits_is_read(tmp_path: Path):
    path = tmp_path / "RS_2015-01.ndjson"
    long, longer = (
        line(row(SUBMISSION, id="aaa", selftext="a" * size))
        for size in (reddit_dump.BLOCK_BYTES - 2**20, reddit_dump.BLOCK_BYTES + 5)
    )
    small = lines(numbered(3_000))
    path.write_bytes(small + long + b"\n" + small + longer + b"\n{\n" + line(COMMENT))
    read_posts = read(path)
    assert counts(read_posts.set_aside) == {"line is too long": 1, "line is no JSON": 1}
    expected = [f"t3_{n:x}" for n in range(3_000)]
    assert ids(read_posts.posts)[-1] == "t1_k0aaaa"
    assert set(ids(read_posts.posts)) == {*expected, "t3_aaa", "t1_k0aaaa"}


def test_a_line_that_stops_the_reader_costs_no_other_line():
    small = [line(one) for one in numbered(3_000)]
    stopping = line(row(SUBMISSION, id="aaa", selftext="a" * (31 * 2**20)))
    mixed = [*small, stopping, b"{", *small]
    with json_reader() as reader:
        rows = read_lines(reader, mixed)
    expected = [f"{n:x}" for n in range(3_000)]
    told = rows["id"].to_list()
    assert [told[:3_000], told[3_001:]] == [expected, [None, *expected]]


@settings(max_examples=25)
@given(
    st.lists(
        st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b""))
        | st.sampled_from([line(SUBMISSION), line(COMMENT), *(broken for broken, _ in DAMAGED)]),
        max_size=12,
    )
)
def test_every_line_is_a_row_or_set_aside(tmp_path_factory, mixed):
    path = tmp_path_factory.mktemp("law") / "RS_2015-01.ndjson"
    path.write_bytes(b"\n".join([line(row(SUBMISSION, id="first")), *mixed]))
    [page] = pages(path)
    assert page.rows is not None
    unread = sum(int(item["count"]) for item in page.items)
    assert page.rows.height + unread == 1 + sum(bool(one.strip(b" \t\r")) for one in mixed)


# --- filters -------------------------------------------------------------------------------

SPELLED = [
    b'"subreddit":"QuietPorch"',
    b'"subreddit": "quietporch"',
    b'"subreddit"  :\t"QUIETPORCH"',
    b'"subreddit":"Quiet\\u0050orch"',
    b'"subr\\u0065ddit":"QuietPorch"',
    b'"subreddit":"\\u0051\\u0075\\u0069\\u0065\\u0074\\u0050\\u006f\\u0072\\u0063\\u0068"',
]


def test_a_subreddit_is_found_however_its_name_is_written_and_no_other(tmp_path: Path):
    path = tmp_path / "RS_2015-01.ndjson"
    plain = b'"subreddit":"QuietPorch"'
    found = [line(one).replace(plain, how) for one, how in zip(numbered(6), SPELLED, strict=True)]
    others = [
        row(SUBMISSION, id="a0", subreddit="QuietPorches"),
        row(SUBMISSION, id="a1", subreddit="NotQuietPorch", title='says "quietporch"'),
        row(SUBMISSION, id="a2", subreddit="SlowMornings", selftext="\u0001"),
        row(SUBMISSION, id="a3", subreddit=None),
    ]
    path.write_bytes(b"\n".join([line(others[0]), *found, *map(line, others)]))
    parsed = read(path, PORCH)
    assert ids(parsed.posts) == [f"t3_{n:x}" for n in range(6)]
    assert parsed.set_aside == ()


def test_the_raw_search_loses_no_line_that_reading_everything_finds(big_dump: tuple[Path, int]):
    path, _ = big_dump
    wanted = ArchiveFilter(frozenset({"nightbus", "oldradios"}))
    everything = together(map(parse_archive_page, pages(path))).posts
    two = everything.filter(everything["venue"].is_in(["NightBus", "OldRadios"]))
    assert 0 < two.height < everything.height / 3
    found = read(path, wanted).posts
    assert found.equals(two)


KETTLES = [
    b"kettle",
    b"KETTLE",
    b"k\\u0065ttle",
    b"\\u004bettle",
    b"\\u212aettle",
    b"\\u212AETTLE",
    "\u212aettle".encode(),
]


def test_a_keyword_is_found_however_it_is_written(tmp_path: Path):
    path = tmp_path / "RS_2015-01.ndjson"
    items = [line(one) for one in numbered(len(KETTLES), title="WORD", selftext="")]
    found = [item.replace(b"WORD", how) for item, how in zip(items, KETTLES, strict=True)]
    other, turkish = (
        line(row(SUBMISSION, id=name, title=title, selftext="", author="x"))
        for name, title in (("a0", "kettl e"), ("a1", "K\\u0130"))
    )
    path.write_bytes(b"\n".join([other, *found, turkish.replace(b"\\\\", b"\\"), other]))
    kettles = ids(read(path, ArchiveFilter(keywords=("Kettle",))).posts)
    assert kettles == [f"t3_{n:x}" for n in range(len(KETTLES))]
    assert ids(read(path, ArchiveFilter(keywords=("ki",))).posts) == ["t3_a1"]


said = st.lists(
    st.sampled_from(
        ["kettle", "KETT", "le", "\u212aettle", "\u0130", "i", "tea", " ", "[removed]", "[x]", "&"]
    ),
    max_size=4,
).map("".join)
spoken = st.fixed_dictionaries(
    {},
    optional={
        "title": said,
        "selftext": said | st.sampled_from(["[removed]", " [deleted]", "[ Removed by Reddit ]"]),
        "removed_by_category": st.sampled_from(["moderator", "", None]),
        "author": st.sampled_from(["[deleted]", "fern-compass-4410"]),
        "_meta": st.sampled_from(
            [{"was_deleted_later": True}, {"removal_type": "removed"}, {"removal_type": None}]
        ),
        "subreddit": st.sampled_from(["QuietPorch", "SlowMornings", "quietporch", "Quiet-porch"]),
    },
)


def escaping(item: dict[str, Any], chance: random.Random) -> bytes:
    """Write a row with blanks at will, and some of its characters escaped."""
    separators = (chance.choice([",", " , "]), chance.choice([":", ": ", " :\t"]))
    text = json.dumps(item, separators=separators, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.3:
        letter = chance.choice("kKeliQ[ ")
        text = text.replace(letter, f"\\u{ord(letter):04x}") if letter != " " else text
    return text.encode() + b"\n"


@settings(max_examples=20)
@given(st.lists(spoken, min_size=1, max_size=25), st.randoms())
@pytest.mark.parametrize(
    ("subreddits", "keywords"),
    [((), ("Kettle",)), ((), ("i", "tea ")), (("quietporch",), ()), (("quietporch",), ("tea",))],
)
def test_searching_first_changes_nothing_of_what_is_found(
    tmp_path_factory, subreddits, keywords, changes, chance
):
    path = tmp_path_factory.mktemp("law") / "RS_2015-01.ndjson"
    items = [row(SUBMISSION, **{"id": f"{n:x}", **one}) for n, one in enumerate(changes, 16)]
    path.write_bytes(b"".join(escaping(item, chance) for item in items))
    wanted = ArchiveFilter(frozenset(subreddits), keywords)
    found = read(path, wanted)
    [page] = pages(path)
    assert page.rows is not None
    chosen = page.rows.filter(is_wanted(page.rows, query(), wanted))
    without = parse_archive_page(replace(page, rows=chosen))
    assert found.posts.equals(without.posts)
    assert found.removals.equals(without.removals)


def test_keywords_length_and_time_are_checked_on_what_the_post_says(tmp_path: Path):
    items = [
        row(SUBMISSION, id="a0", title="A KETTLE", selftext=""),
        row(SUBMISSION, id="a1", title="x", selftext="Überall Straßen"),
        row(SUBMISSION, id="a2", title="nothing", selftext="of it", url="https://x.org/kettle"),
        row(SUBMISSION, id="a3", title="&lt;kettle&gt;", selftext=MISSING, created_utc=CREATED + 9),
        row(COMMENT, id="a4", body="a kettle's tale", created_utc=CREATED + 20),
        row(COMMENT, id="a5", body="", created_utc=None),
    ]

    def kept(wanted: ArchiveFilter, **changes: Any) -> list[str]:
        return [one[3:] for one in ids(read_items(tmp_path, items, wanted=wanted, **changes).posts)]

    everything = ArchiveFilter()
    assert kept(everything) == ["a0", "a1", "a2", "a3", "a4"]
    assert kept(ArchiveFilter(keywords=("kettle", "ÜBERALL"))) == ["a0", "a1", "a3", "a4"]
    assert kept(ArchiveFilter(keywords=("<kettle>",))) == ["a3"]
    assert kept(ArchiveFilter(minimum_chars=8)) == ["a0", "a1", "a2", "a3", "a4"]
    assert kept(ArchiveFilter(minimum_chars=9)) == ["a1", "a2", "a4"]
    assert kept(ArchiveFilter(frozenset({"quietporch"}), ("kettle",), 9)) == ["a4"]
    later, until = (
        datetime.fromtimestamp(CREATED + 9, UTC),
        datetime.fromtimestamp(CREATED + 9, UTC),
    )
    assert kept(everything, since=later) == ["a3", "a4"]
    assert kept(everything, until=until) == ["a0", "a1", "a2", "a3"]


def test_what_went_passes_every_filter_but_place_and_time(tmp_path: Path):
    items = [
        row(SUBMISSION, id="a0", selftext="[removed]"),
        row(SUBMISSION, id="a1", selftext="[removed]", subreddit="SlowMornings"),
        row(COMMENT, id="a2", body="[deleted]", created_utc=CREATED - 10**8),
        row(COMMENT, id="a3", body="kept", _meta={"was_deleted_later": True}),
        row(SUBMISSION, id="a4", title="[Advice] on nothing"),
    ]
    wanted = ArchiveFilter(frozenset({"quietporch"}), ("kettle",), 900)
    parsed = read_items(tmp_path, items, wanted=wanted, since=SECOND)
    assert parsed.removals["native_id"].to_list() == ["t3_a0", "t1_a3"]
    assert parsed.posts.is_empty()


# --- coverage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "venues"),
    [
        (ArchiveFilter(), ["*"]),
        (PORCH, ["quietporch"]),
        (ArchiveFilter(frozenset({"quietporch", "nowhere"})), ["nowhere", "quietporch"]),
        (ArchiveFilter(frozenset({"nowhere"})), ["nowhere"]),
        (ArchiveFilter(keywords=("kettle",)), [None]),
        (ArchiveFilter(frozenset({"quietporch"}), minimum_chars=3), [None]),
    ],
)
def test_a_whole_file_covers_its_times_for_each_venue_it_holds_whole(
    tmp_path: Path, wanted: ArchiveFilter, venues: list[str | None]
):
    path = tmp_path / "RS_2015-01.zst"
    path.write_bytes(
        frame(lines([SUBMISSION, row(SUBMISSION, id="zz", created_utc=0), *numbered(50)]))
    )
    [page] = pages(path, wanted)
    last = datetime.fromtimestamp(CREATED + 49, UTC)
    assert list(page.covered) == [Coverage(SECOND, last, venue=venue) for venue in venues]
    [later] = pages(path, wanted, until=datetime.fromtimestamp(CREATED + 9, UTC))
    assert {one.to_at.timestamp() for one in later.covered} == {CREATED + 9}
    [outside] = pages(path, wanted, since=NOW)
    assert outside.covered == ()


def test_comments_cover_no_venue(tmp_path: Path):
    path = tmp_path / "RS_by_mistake.ndjson"
    path.write_bytes(lines([*numbered(5), row(COMMENT, created_utc=CREATED + 60)]))
    [page] = pages(path, PORCH)
    assert page.covered == (Coverage(SECOND, datetime.fromtimestamp(CREATED + 60, UTC)),)


def test_a_position_nobody_wrote_is_the_beginning_and_a_finished_file_gives_no_page(
    tmp_path: Path,
):
    path = tmp_path / "RS_2015-01.ndjson"
    path.write_bytes(lines(numbered(5)))
    for position in ("", "[]", "{}", '{"line_at": 3}', "odd"):
        [page] = pages(path, position=position)
        assert page.rows is not None
        assert page.rows.height == 5
    assert pages(path, position=page.position) == []


def test_a_page_shows_no_one_and_needs_no_request(tmp_path: Path):
    path = tmp_path / "RS_2015-01.ndjson"
    path.write_bytes(lines(numbered(5)))
    [page] = pages(path)
    assert "fern" not in repr(page)
    assert page.requests_count == 0


# --- memory --------------------------------------------------------------------------------

READER = """
import sys
from pathlib import Path
from connectors.reddit_archive import ArchiveFilter, fetch_archive_pages, parse_archive_page
from tests.support.dumps import query
wanted = ArchiveFilter(frozenset(sys.argv[2:]))
rows_count = 0
for page in fetch_archive_pages(Path(sys.argv[1]), query(), wanted):
    parsed = parse_archive_page(page)
    rows_count += parsed.posts.height
status = dict(line.split(":") for line in open("/proc/self/status"))
print(rows_count, int(status["VmHWM"].split()[0]) * 1024)
"""
ALLOWED_BYTES = 512 * 2**20


def rows_and_peak(path: Path, *subreddits: str) -> tuple[int, int]:
    """Read and parse a dump in a process of its own; return rows and the most memory held."""
    command = [sys.executable, "-c", READER, str(path), *subreddits]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return int(told[0]), int(told[1])


@pytest.mark.parametrize("subreddits", [(), ("nightbus",)])
def test_memory_stays_within_half_a_gib_above_the_window(
    big_dump: tuple[Path, int], subreddits: tuple[str, ...]
):
    path, lines_count = big_dump
    rows_count, peak = rows_and_peak(path, *subreddits)
    assert rows_count == lines_count or (subreddits and 0 < rows_count < lines_count / 3)
    assert peak < 2**23 + ALLOWED_BYTES


@pytest.mark.long
def test_a_dump_of_more_than_three_gib_needs_the_window_and_half_a_gib(tmp_path: Path):
    path = tmp_path / "RS_2022-01.zst"
    lines_count = write_dump(path, 3 * 2**30 + 2**27)
    rows_count, peak = rows_and_peak(path)
    assert rows_count == lines_count
    assert peak < 2**31 + ALLOWED_BYTES
    few_count, few_peak = rows_and_peak(path, "nightbus")
    assert 0 < few_count < lines_count / 3
    assert few_peak < 2**31 + ALLOWED_BYTES
