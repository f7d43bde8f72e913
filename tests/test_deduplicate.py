"""Duplicates: which posts are marked, how, and the laws the marks keep."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from schema.posts import DuplicateMark
from transforms.deduplicate import SHORTEST_NEAR, deduplicate, find_duplicates
from transforms.minhash import CROWD, Banded, signatures, sketched
from transforms.ordinary import ordinary_words
from transforms.verifying import PAIRS
from transforms.wordings import wordings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEMA = {
    "post_key": pl.UInt64,
    "author_pseudonym": pl.String,
    "community_key": pl.String,
    "platform": pl.String,
    "created_at": pl.Datetime("us", "UTC"),
    "text": pl.String,
}
LETTER = "The letter from the bank came on Monday and I have hidden it under the sink ever since"


def post(key: int, text: str = LETTER, **change: Any) -> dict[str, Any]:
    row = {
        "post_key": key,
        "author_pseudonym": "fern",
        "community_key": "reddit/offmychest",
        "platform": "reddit",
        "created_at": NOON + key % 100_000 * HOUR,
        "text": text,
    }
    return row | change


def marks(*rows: dict[str, Any], across_platforms: bool = False) -> dict[int, tuple[Any, ...]]:
    """Map each marked post to canonical, kind and match."""
    found = deduplicate(pl.DataFrame(list(rows), schema=SCHEMA), across_platforms=across_platforms)
    told = found.select("canonical_key", "kind", "match").rows()
    return dict(zip(found["post_key"].to_list(), told, strict=True))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "repost"),
        ({"community_key": "reddit/lonely"}, "crosspost"),
        ({"author_pseudonym": "moss"}, "copypasta"),
        ({"author_pseudonym": "moss", "community_key": "reddit/lonely"}, "copypasta"),
    ],
)
def test_who_repeats_where_says_the_kind(change: dict[str, Any], kind: str) -> None:
    assert marks(post(1), post(2, **change)) == {2: (1, kind, "exact")}


@pytest.mark.parametrize(
    "text",
    [
        LETTER.upper() + "!!!",
        f"**{LETTER}**\n\n[LINK:crowdfunding]",
        LETTER.replace(" ", "  ") + " https://moss.example/x",
        "\uff34he" + LETTER[3:],
    ],
)
def test_case_signs_blanks_links_and_form_make_no_other_wording(text: str) -> None:
    assert marks(post(1), post(2, text)) == {2: (1, "repost", "exact")}


@pytest.mark.parametrize(
    "text",
    [
        LETTER.replace("Monday", "Tuesday"),
        LETTER.replace("ever since", "since then, honestly"),
        "so " + LETTER + " lol",
    ],
)
def test_a_few_changed_words_are_nearly_alike(text: str) -> None:
    found = deduplicate(pl.DataFrame([post(1), post(2, text)], schema=SCHEMA))
    assert found.select("post_key", "match").rows() == [(2, "near")]
    assert 0.7 <= found["similarity"][0] < 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LETTER, "The letter from my sister came on Friday and I have read it to the whole house"),
        ("thanks for sharing this", "thanks for sharing that"),
        ("I feel so alone tonight and nobody calls", "I feel so angry tonight and nobody listens"),
        ("🌸🌸🌸", "🌸🌸🌸"),
        ("[LINK:other]", "[LINK:other]"),
        ("", ""),
    ],
)
def test_what_only_looks_alike_is_not_marked(one: str, other: str) -> None:
    assert marks(post(1, one), post(2, other)) == {}


def test_from_forty_characters_on_wordings_may_be_near() -> None:
    long = "the kettle clicked off and nobody came in"
    assert len(long[:-1]) == SHORTEST_NEAR
    for text, is_near in ((long[:-1], True), (long[:-2], False)):
        found = marks(post(1, text), post(2, text.replace("kettle", "kettel")))
        assert found == ({2: (1, "repost", "near")} if is_near else {})


def test_short_wordings_count_where_they_are_equal() -> None:
    assert marks(post(1, "same here"), post(2, "Same here!")) == {2: (1, "repost", "exact")}


def test_a_platform_is_left_only_where_the_study_allows_it() -> None:
    there = post(2, platform="bluesky", community_key="bluesky/network", author_pseudonym="moss")
    assert marks(post(1), there) == {}
    assert marks(post(1), there, across_platforms=True) == {2: (1, "copypasta", "exact")}


def test_the_earliest_is_canonical_and_the_smallest_key_names_the_cluster() -> None:
    rows = [post(3, created_at=NOON), post(1), post(2, created_at=NOON + HOUR)]
    found = deduplicate(pl.DataFrame(rows, schema=SCHEMA))
    assert found.select("post_key", "cluster_key", "canonical_key").rows() == [(1, 1, 3), (2, 1, 3)]


def test_of_posts_of_one_instant_the_smallest_key_is_canonical() -> None:
    assert marks(post(5, created_at=NOON), post(4, created_at=NOON)) == {5: (4, "repost", "exact")}


def test_an_empty_frame_has_no_marks() -> None:
    assert deduplicate(pl.DataFrame(schema=SCHEMA)).equals(DuplicateMark.create_empty())


def test_words_of_scripts_without_blanks_are_told_apart() -> None:
    text = "我已经三个星期没有睡好觉了每天晚上都在想那封银行寄来的信不知道该怎么告诉家里人我很害怕"
    assert marks(post(1, text), post(2, text.replace("三", "四"))) == {2: (1, "repost", "near")}


@given(text=st.text(st.characters(max_codepoint=127)))
def test_a_letter_of_another_alphabet_changes_no_other_word(text: str) -> None:
    plain, mixed = wordings(pl.Series([text, f"{text} é"]))
    assert mixed == f"{plain or ''} é".strip()


WORDS = sorted(ordinary_words())
FORM = "Hi all, my name is {} and I am {} days into this, here to listen whenever you need it"


def village(seed: int, size: int) -> list[dict[str, Any]]:
    """Make posts of ordinary words, a third edited copies of earlier ones, a tenth of one form."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for _ in range(size):
        words = chance.choices(WORDS, k=chance.randint(1, 40))
        if rows and chance.random() < 0.35:
            words = chance.choice(rows)["text"].split()
            for _edit in range(chance.randint(0, 1 + len(words) // 5)):
                words[chance.randrange(len(words))] = chance.choice(WORDS)
        elif chance.random() < 0.15:
            words = FORM.format(chance.choice(WORDS), chance.randint(1, 9)).split()
        rows.append(
            post(
                chance.getrandbits(64),
                " ".join(words),
                author_pseudonym=chance.choice(["fern", "moss", "otter"]),
                community_key=chance.choice(["reddit/a", "reddit/b"]),
                platform=chance.choice(["reddit", "bluesky"]),
                created_at=NOON + chance.randint(0, 50) * HOUR,
            )
        )
    return rows


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), across=st.booleans())
def test_row_order_does_not_matter(seed: int, across: bool) -> None:
    rows = village(seed, 60)
    shuffled = rows[:]
    random.Random(seed + 1).shuffle(shuffled)
    first, second = (
        deduplicate(pl.DataFrame(some, schema=SCHEMA), across_platforms=across)
        for some in (rows, shuffled)
    )
    assert_frame_equal(first, second)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), across=st.booleans())
def test_deduplicating_what_is_unmarked_finds_nothing(seed: int, across: bool) -> None:
    posts = pl.DataFrame(village(seed, 80), schema=SCHEMA)
    found = deduplicate(posts, across_platforms=across)
    unmarked = posts.join(found, on="post_key", how="anti")
    assert deduplicate(unmarked, across_platforms=across).is_empty()


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), batch=st.integers(1, 70), across=st.booleans())
def test_how_many_texts_are_read_at_once_does_not_matter(
    seed: int, batch: int, across: bool
) -> None:
    posts = pl.DataFrame(village(seed, 60), schema=SCHEMA)

    def texts_of(keys: pl.Series) -> pl.DataFrame:
        assert len(keys) <= max(batch, 2 * PAIRS)
        return posts.filter(pl.col("post_key").is_in(keys.implode())).select("post_key", "text")

    found = find_duplicates(
        posts.drop("text"), texts_of, across_platforms=across, batch_posts=batch
    ).marks
    assert_frame_equal(found, deduplicate(posts, across_platforms=across))


def test_a_post_that_went_meanwhile_has_no_mark() -> None:
    posts = pl.DataFrame([post(1), post(2), post(3, "so " + LETTER)], schema=SCHEMA)
    rest = posts.filter(pl.col("post_key") != 2).select("post_key", "text")
    found = find_duplicates(posts.drop("text"), lambda keys: rest).marks
    assert found.select("post_key", "canonical_key").rows() == [(3, 1)]


def filled(key: int, author: str, *gaps: object) -> dict[str, Any]:
    return post(key, FORM.format(*gaps), author_pseudonym=author)


FILLED = [
    filled(1, "fern", "Rowan", 12),
    filled(2, "moss", "Sorrel", 3),
    filled(3, "otter", "Linden", 40),
]


def test_what_three_authors_fill_in_differently_is_a_template() -> None:
    assert marks(*FILLED) == {2: (1, "template", "near"), 3: (1, "template", "near")}
    assert marks(*FILLED[:2]) == {2: (1, "copypasta", "near")}


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        # two authors, whoever of them goes on
        ([*FILLED[:2], filled(4, "moss", "Aspen", 5)], ["copypasta", "copypasta"]),
        ([*FILLED[:2], filled(4, "fern", "Aspen", 5)], ["copypasta", "repost"]),
        # three authors, of whom one copied another's letter by letter
        ([*FILLED[:2], filled(4, "otter", "Sorrel", 3)], ["copypasta", "copypasta"]),
        ([*FILLED[:2], filled(4, "otter", "Rowan", 12)], ["copypasta", "copypasta"]),
        # three authors who edited other places
        (
            [
                *FILLED[:2],
                post(4, FILLED[0]["text"].replace("listen", "talk"), author_pseudonym="otter"),
            ],
            ["copypasta", "copypasta"],
        ),
        # once it is a template, its first author's own goes with it, and a copy of one filled in
        ([*FILLED, filled(4, "fern", "Aspen", 5)], ["template"] * 3),
        ([*FILLED, filled(4, "heron", "Linden", 40)], ["template"] * 3),
        ([*FILLED, filled(4, "heron", "Rowan", 12)], ["template", "template", "copypasta"]),
    ],
)
def test_two_authors_or_one_filling_make_no_template(
    rows: list[dict[str, Any]], kinds: list[str]
) -> None:
    assert [kind for _, kind, _ in marks(*rows).values()] == kinds


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_a_cluster_has_one_unmarked_post_its_earliest(seed: int) -> None:
    posts = pl.DataFrame(village(seed, 80), schema=SCHEMA)
    found = deduplicate(posts)
    assert found.height > 1
    assert not set(found["canonical_key"]) & set(found["post_key"])
    first = posts.join(found, left_on="post_key", right_on="canonical_key").join(
        posts.select("post_key", later="created_at"), left_on="post_key_right", right_on="post_key"
    )
    assert (first["created_at"] <= first["later"]).all()
    assert found.filter(pl.col("match") == "exact")["similarity"].eq(1).all()


def test_planted_copies_are_found_and_nothing_else() -> None:
    chance = random.Random(7)
    originals = [chance.choices(WORDS, k=chance.randint(12, 40)) for _ in range(1500)]
    rows = [post(key, " ".join(words)) for key, words in enumerate(originals)]
    copies = {}
    for number in range(500):
        words = originals[number][:]
        for _ in range(chance.randint(0, int(len(words) * 0.15))):
            words[chance.randrange(len(words))] = chance.choice(WORDS)
        copies[10_000 + number] = number
        rows.append(post(10_000 + number, " ".join(words)))
    found = {key: canonical for key, (canonical, _, _) in marks(*rows).items()}
    right = sum(copies.get(key) == canonical for key, canonical in found.items())
    assert right / len(copies) >= 0.99
    assert right / len(found) >= 0.99


def test_signatures_estimate_the_share_of_common_shingles() -> None:
    chance = random.Random(3)
    words = chance.choices(WORDS, k=400)
    sketches = signatures(pl.Series([words, words[:300], list(reversed(words))]))
    assert (sketches[0] == sketches[0]).all()
    assert abs((sketches[0] == sketches[1]).mean() - 0.75) < 0.15


def crowd(*spoken: list[str]) -> pl.DataFrame:
    """Sketch wordings of one scope."""
    return sketched(pl.Series(spoken), pl.repeat(0, len(spoken), dtype=pl.UInt8, eager=True))


def test_a_bucket_of_many_costs_no_square() -> None:
    same = crowd(*([["moss", "fern"]] * 3000))
    pairs = Banded(same).neighbour_pairs()
    assert 2999 <= len(pairs) <= 2 * 3000
    assert len(Banded(same).other_pairs(np.zeros(3000, dtype=np.int64))) == 0


@pytest.mark.parametrize("size", [5, CROWD, CROWD + 1, 200])
def test_of_one_bucket_all_pairs_of_two_clusters_are_proposed(size: int) -> None:
    same = crowd(*([["moss", "fern"]] * size))
    clusters = np.arange(size) % 3
    pairs = Banded(same).other_pairs(clusters)
    wanted = [(a, b) for a in range(size) for b in range(a + 1, size) if (b - a) % 3]
    assert [tuple(pair) for pair in pairs.tolist()] == wanted
