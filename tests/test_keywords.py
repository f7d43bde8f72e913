"""Words and phrases by the thousands: what stands in a text, and what only looks like it.

All the words are invented or everyday ones.
"""

import re
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.held_posts import HeldPosts
from connectors.jetstream_filter import DECLARED_ELSEWHERE, EventFilter
from connectors.phrases import Phrases, comparable
from tests.support.jetstream_script import WRITER, uri

WORDS = st.lists(st.sampled_from(["a", "an", "ant", "tan", "na", "t-an", "n_a", "x"]), min_size=1)


@pytest.mark.parametrize(
    ("phrase", "text", "is_in"),
    [
        ("tired", "so TIRED, today", True),
        ("tired", "retired", False),
        ("tired", "tired_of_it", False),
        ("can't sleep", "I can\N{RIGHT SINGLE QUOTATION MARK}t\n  sleep at all", True),
        ("c++", "I write c++ at night", True),
        ("lamp", "\N{FULLWIDTH LATIN CAPITAL LETTER L}amp", True),
        ("lamp", "la\N{SOFT HYPHEN}mp, l\N{ZERO WIDTH SPACE}amp", True),
        ("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", "so \N{HEAVY BLACK HEART} much", True),
        # a vowel sign belongs to its word, though Unicode calls it no letter
        ("दुख", "बहुत दुख है", True),
        ("दुख", "मैं दुखी हूँ", False),
        # no space between words: anywhere
        ("眠れない", "昨日も眠れないまま朝になった", True),
        ("失眠", "我又失眠了", True),
        ("นอนไม่หลับ", "เมื่อคืนนอนไม่หลับเลย", True),
        ("ﾈﾑﾚﾅｲ", "ずっとネムレナイ夜", True),
        ("외로", "너무 외로워요", True),
        # where two scripts meet, a word ends
        ("sns疲れ", "最近SNS疲れがひどい", True),
        ("ai", "生成AIの話", True),
        ("ai", "生成AIRの話", False),
        ("b", "a b c", True),
        ("", "anything", False),
        ("\N{ZERO WIDTH SPACE}", "anything", False),
    ],
)
def test_a_phrase_is_found_as_its_script_sets_it(phrase: str, text: str, is_in: bool) -> None:
    assert Phrases(["marigold", phrase, "a long unrelated phrase"]).are_in(text) is is_in


def test_a_phrase_inside_another_s_start_is_found_all_the_same() -> None:
    phrases = Phrases(["night walks alone", "walks", "at night"])
    assert len(phrases) == 3
    assert phrases.are_in("night walks together")
    assert phrases.are_in("late at night walksalone")
    assert not phrases.are_in("sleepwalks by night")


@given(st.lists(WORDS.map(" ".join), max_size=6), WORDS.map(" ".join))
def test_spaced_scripts_are_searched_as_a_plain_expression_would(
    phrases: list[str], text: str
) -> None:
    parts = [r"\s+".join(map(re.escape, comparable(phrase).split())) for phrase in phrases]
    plain = re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)") if parts else None
    expected = plain is not None and plain.search(comparable(text)) is not None
    assert Phrases(phrases).are_in(text) is expected


@pytest.mark.parametrize(
    ("record", "is_kept"),
    [
        ({"text": "an umbrella"}, True),
        ({"text": "", "tags": ["Umbrella"]}, True),
        ({"text": "", "embed": {"images": [{"alt": ""}, {"alt": "a red umbrella"}]}}, True),
        ({"text": "", "embed": {"alt": "an umbrella turns", "video": {}}}, True),
        ({"text": "", "embed": {"record": {}, "media": {"items": [{"alt": "umbrella"}]}}}, True),
        # a card and a quoted post are another's words
        ({"text": "", "embed": {"external": {"title": "umbrella"}}}, False),
        ({"text": "", "embed": {"record": {"value": {"text": "umbrella"}}}}, False),
        ({"text": "red", "embed": {"images": [{"alt": "lamp"}]}}, False),  # no phrase across both
        ({"text": ["umbrella"], "tags": 7, "embed": "umbrella"}, False),
        ({"embed": {"images": ["umbrella", {"alt": 3}]}}, False),
    ],
)
def test_what_an_author_wrote_is_looked_at(record: dict[str, Any], is_kept: bool) -> None:
    wanted = EventFilter(keywords=("umbrella", "red lamp"))
    assert wanted.lets_through(uri("k1"), WRITER, record) is is_kept


@pytest.mark.parametrize(
    ("langs", "is_kept"),
    [
        (["en"], True),
        (["EN-gb"], True),
        (["de", "en"], True),
        (["de"], False),
        ([], True),
        (None, True),
        (["no language"], True),
        ("de", True),
    ],
)
def test_what_declares_other_languages_alone_is_left_out_and_counted(
    langs: object, is_kept: bool
) -> None:
    wanted = EventFilter(keywords=("umbrella",), languages=frozenset({"en"}))
    record = {"text": "umbrella", "langs": langs}
    assert wanted.lets_through(uri("k1"), WRITER, record) is is_kept
    assert not wanted.lets_through(uri("k2"), WRITER, {"text": "lamp", "langs": ["de"]})
    expected = [] if is_kept else [(DECLARED_ELSEWHERE, 1)]
    assert [(found.rule, found.count) for found in wanted.left_out()] == expected
    assert wanted.left_out() == ()


def test_an_edit_of_what_is_held_passes_whatever_it_says_and_in_whatever_language() -> None:
    wanted = EventFilter(edits_of={uri("k1")}, languages=frozenset({"en"}))
    assert wanted.lets_through(uri("k1"), WRITER, {"text": "nichts", "langs": ["de"]})
    reply = {"text": "same", "reply": {"root": {"uri": uri("k1")}, "parent": {"uri": uri("k1")}}}
    assert not wanted.lets_through(uri("k2"), WRITER, reply)


def test_held_posts_are_bounded_and_the_oldest_are_forgotten_first() -> None:
    held = HeldPosts(limit=1000)
    held.add(uri(f"k{n}") for n in range(5000))
    assert 500 <= len(held) <= 1000
    assert all(uri(f"k{n}") in held for n in range(4500, 5000))
    assert not any(uri(f"k{n}") in held for n in range(4000))
    held.discard([uri("k4999")])
    assert uri("k4999") not in held
    assert repr(held).count("did:") == 0


def test_two_million_held_posts_stay_within_their_memory() -> None:
    """Shown at a tenth of it."""
    tracemalloc.start()
    held = HeldPosts(limit=200_000)
    held.add(uri(f"k{n}") for n in range(400_000))
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 200_000 * 100
