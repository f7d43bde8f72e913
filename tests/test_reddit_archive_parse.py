"""A dump's rows: the same posts as live, whatever year their fields are of."""

import html
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from connectors.reddit_parse import parse_page, record
from schema.pages import ParsedPage, RawPage
from tests.support.dumps import (
    COMMENT,
    CREATED,
    MISSING,
    NOW,
    SEEN,
    SUBMISSION,
    counts,
    ids,
    read_items,
    row,
)

CARD = {"oembed": {"title": "How to rest & sleep", "author_name": "not collected"}}
GALLERY = {
    "items": [
        {"caption": "A <chipped> cup", "media_id": "a"},
        {"outbound_url": "https://example.org/cups?a=1&b=2", "media_id": "b"},
        "odd",
    ]
}
POLL = {"options": [{"text": "Tea & toast", "id": "1"}, {"text": "Sleep", "id": "2"}, {"id": "3"}]}
PARENT = {"title": "The first kettle", "author": "dune-otter-9", "over_18": True}
CHANGES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    (SUBMISSION, {}),
    (SUBMISSION, {"selftext": "a < b & c > d &amp; e", "title": "&lt;not a tag&gt; <tag>"}),
    (SUBMISSION, {"selftext": "", "link_flair_text": "Evening & night", "score": None}),
    (SUBMISSION, {"selftext": MISSING, "hide_score": True, "edited": CREATED + 60}),
    (SUBMISSION, {"is_self": False, "url": "https://example.org/rest?x=1&y=2", "media": CARD}),
    (SUBMISSION, {"is_self": False, "url": "https://i.redd.it/a.jpg", "over_18": True}),
    (SUBMISSION, {"is_self": False, "url": "http://[", "quarantine": True}),
    (SUBMISSION, {"is_self": MISSING, "url": None, "num_crossposts": MISSING}),
    (SUBMISSION, {"gallery_data": GALLERY, "poll_data": POLL}),
    (SUBMISSION, {"gallery_data": None, "poll_data": True, "media": {"type": "x"}}),
    (SUBMISSION, {"selftext": "", "crosspost_parent_list": [PARENT]}),
    (SUBMISSION, {"crosspost_parent_list": []}),
    (SUBMISSION, {"selftext": "See https://example.org/a\\_b, thanks u/some\\_one and /u/other-1"}),
    (SUBMISSION, {"title": "WWW.example.net and U/Shouting", "subreddit": "u_Fern-Compass-4410"}),
    (SUBMISSION, {"created_utc": str(CREATED), "score": -3}),
    (SUBMISSION, {"created_utc": 0}),
    (COMMENT, {}),
    (COMMENT, {"body": "", "parent_id": "t1_k0zzzz", "score_hidden": True}),
    (COMMENT, {"body": "x\u0000y ünï \U0001f375 [link](https://example.org/(a)) &amp;lt;"}),
    (COMMENT, {"edited": True, "score": MISSING}),
    (COMMENT, {"edited": MISSING, "author": "u/odd", "body": "u/me/ and you/me but /user/them"}),
    (COMMENT, {"created_utc": float(CREATED) + 0.5}),
    (COMMENT, {"body": "[removed]"}),
    (COMMENT, {"body": "[deleted]", "author": "[deleted]"}),
    (COMMENT, {"author": "[deleted]"}),
    (COMMENT, {"body": "[ Removed by Reddit on account of a rule. ]"}),
    (COMMENT, {"body": "My post was [removed], what now?"}),
    (SUBMISSION, {"title": "[Advice] a kettle", "selftext": "[x] said"}),
    (SUBMISSION, {"selftext": "[removed]", "removed_by_category": "anti_evil_ops"}),
    (SUBMISSION, {"removed_by_category": "something_new"}),
    (SUBMISSION, {"removed_by_category": ""}),
    (SUBMISSION, {"title": "[deleted by user]", "author": "[deleted]"}),
)
BROKEN: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    (SUBMISSION, {"created_utc": "soon"}, "created_utc is no date"),
    (SUBMISSION, {"created_utc": None}, "created_utc is no date"),
    (SUBMISSION, {"created_utc": 1e40}, "created_utc is no date"),
    (SUBMISSION, {"author": None}, "author is missing"),
    (SUBMISSION, {"author": "  "}, "author is no text"),
    (SUBMISSION, {"title": MISSING}, "title is missing"),
    (SUBMISSION, {"subreddit": None}, "subreddit is missing"),
    (SUBMISSION, {"id": "not/an/id"}, "name is no id"),
    (SUBMISSION, {"num_comments": 1.5}, "num_comments is no count"),
    (SUBMISSION, {"num_crossposts": 1e300}, "num_crossposts is no count"),
    (COMMENT, {"score": 0.5}, "score is no count"),
    (COMMENT, {"body": None}, "body is missing"),
    (COMMENT, {"link_id": "t1_abc"}, "link_id is no id"),
    (COMMENT, {"parent_id": "nowhere"}, "parent_id is no id"),
)


def live(items: list[dict[str, Any]]) -> ParsedPage:
    """Parse the same things as the API would send them, as of the archive's look."""
    things = []
    for item in items:
        kind = "t1" if "link_id" in item else "t3"
        data = {**item, "name": f"{kind}_{item['id']}"}
        things.append(record({"kind": kind, "data": data}))
    seen = datetime.fromtimestamp(SEEN, UTC)
    return parse_page(RawPage("reddit", "dumps", "dumps", "dumps", seen, tuple(things)))


def escaped(item: Any) -> Any:
    """Escape every text the way Reddit does in a dump."""
    if isinstance(item, str):
        return html.escape(item, quote=False)
    if isinstance(item, list):
        return [escaped(one) for one in item]
    return {k: escaped(v) for k, v in item.items()} if isinstance(item, dict) else item


def numbered(changes: Any) -> list[dict[str, Any]]:
    return [row(base, id=f"{n:x}", **one) for n, (base, one) in enumerate(changes, start=4096)]


def test_the_same_things_give_the_same_rows_from_a_dump_and_live(tmp_path: Path):
    items = numbered(CHANGES)
    dumped, api = read_items(tmp_path, [escaped(item) for item in items]), live(items)
    assert_frame_equal(dumped.posts, api.posts)
    assert_frame_equal(dumped.removals, api.removals)
    assert dumped.set_aside == api.set_aside == ()
    assert (dumped.posts.height, dumped.removals.height) == (25, 7)


def test_what_breaks_a_rule_is_set_aside_under_it_as_live_and_without_values(tmp_path: Path):
    items = [row(base, **{"id": f"{n:x}", **one}) for n, (base, one, _) in enumerate(BROKEN)]
    dumped, api = read_items(tmp_path, [*items, COMMENT]), live(items)
    assert counts(dumped.set_aside) == Counter(rule for _, _, rule in BROKEN)
    assert counts(dumped.set_aside) == counts(api.set_aside)
    assert ids(dumped.posts) == ["t1_k0aaaa"]
    told = " ".join(entry.skeleton for entry in dumped.set_aside)
    assert not any(word in told for word in ("kettle", "fern", "Porch", "nowhere"))


texts = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["[deleted]", "[removed] ", "u/ab", "https://x.org/&", "www.a.b", "r/x", "&amp;", "<>", "[ "]
)
changed = st.one_of(
    st.tuples(
        st.just(SUBMISSION),
        st.fixed_dictionaries(
            {},
            optional={
                "title": texts,
                "selftext": texts,
                "author": texts,
                "url": texts,
                "is_self": st.booleans(),
                "link_flair_text": texts,
                "gallery_data": st.builds(lambda text: {"items": [{"caption": text}]}, texts),
                "crosspost_parent_list": st.builds(lambda text: [{"title": text}], texts),
                "score": st.integers(-(2**53), 2**53) | st.none(),
                "edited": st.booleans() | st.integers(CREATED, SEEN),
            },
        ),
    ),
    st.tuples(
        st.just(COMMENT),
        st.fixed_dictionaries({}, optional={"body": texts, "author": texts}),
    ),
)


@settings(max_examples=30)
@given(st.lists(changed, max_size=30))
def test_any_texts_give_the_same_rows_from_a_dump_and_live(tmp_path_factory, changes):
    items = numbered(changes)
    folder = tmp_path_factory.mktemp("law")
    dumped, api = read_items(folder, [*map(escaped, items), COMMENT]), live([*items, COMMENT])
    assert_frame_equal(dumped.posts, api.posts)
    assert_frame_equal(dumped.removals, api.removals)
    assert counts(dumped.set_aside) == counts(api.set_aside)


@pytest.mark.parametrize(
    ("changes", "observed"),
    [
        ({}, SEEN),
        ({"retrieved_on": MISSING}, CREATED),
        ({"retrieved_on": None}, CREATED),
        ({"retrieved_on": MISSING, "retrieved_utc": SEEN + 5}, SEEN + 5),
        ({"_meta": {"retrieved_2nd_on": SEEN + 130_000}}, SEEN + 130_000),
        ({"retrieved_on": CREATED - 90}, CREATED),
        ({"retrieved_on": NOW.timestamp() + 9}, CREATED),
        ({"_meta": "odd"}, SEEN),
    ],
)
def test_a_row_is_observed_when_its_archive_saw_it_last_else_when_it_was_made(
    tmp_path: Path, changes: dict[str, Any], observed: float
):
    [post] = read_items(tmp_path, [row(SUBMISSION, **changes)]).posts.rows(named=True)
    assert post["observed_at"] == datetime.fromtimestamp(observed, UTC)
    assert post["indexed_at"] is None


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({"was_deleted_later": True, "removal_type": "deleted"}, "deleted_by_author"),
        ({"was_deleted_later": True}, "deleted_by_author"),
        ({"was_deleted_later": True, "removal_type": "removed"}, "removed_by_moderator"),
        ({"removal_type": "removed by reddit"}, "taken_down"),
        ({"removal_type": "content_takedown"}, "taken_down"),
        ({"removal_type": "something_new"}, "removed_by_moderator"),
        ({"was_initially_deleted": True, "removal_type": "removed"}, "removed_by_moderator"),
    ],
)
@pytest.mark.parametrize("base", [SUBMISSION, COMMENT])
def test_what_went_after_the_archive_saw_it_is_a_removal_at_its_second_look(
    tmp_path: Path, base: dict[str, Any], meta: dict[str, Any], reason: str
):
    second = {"retrieved_2nd_on": SEEN + 7, **meta}
    parsed = read_items(tmp_path, [row(base, _meta=second)])
    [removal] = parsed.removals.rows(named=True)
    assert (parsed.posts.height, removal["reason"]) == (0, reason)
    assert removal["observed_at"] == datetime.fromtimestamp(SEEN + 7, UTC)


def test_a_second_look_that_took_nothing_away_leaves_the_post(tmp_path: Path):
    meta = {"retrieved_2nd_on": SEEN + 7, "was_deleted_later": False, "is_edited": True}
    [post] = read_items(tmp_path, [row(COMMENT, _meta=meta)]).posts.rows(named=True)
    assert (post["is_edited"], post["edited_at"]) == (True, None)


@pytest.mark.parametrize(
    ("parent", "native_id"),
    [
        ("t1_k0zzzz", "t1_k0zzzz"),
        (None, "t3_1abcd2"),
        (int("g58xb2z", 36), "t1_g58xb2z"),
        (int("1abcd2", 36), "t3_1abcd2"),
        (str(int("g58xb2z", 36)), "t1_g58xb2z"),
    ],
)
def test_a_parent_is_an_id_a_number_or_null_for_the_submission(
    tmp_path: Path, parent: Any, native_id: str
):
    [post] = read_items(tmp_path, [row(COMMENT, parent_id=parent)]).posts.rows(named=True)
    assert (post["parent_native_id"], post["root_native_id"]) == (native_id, "t3_1abcd2")


def test_an_id_may_stand_in_name_alone_and_a_comment_may_be_quarantined(tmp_path: Path):
    items = [row(SUBMISSION, id=MISSING, name="t3_zz9"), row(COMMENT, quarantined=True)]
    posts = read_items(tmp_path, items).posts
    assert ids(posts) == ["t3_zz9", "t1_k0aaaa"]
    assert posts["is_nsfw"].to_list() == [False, True]


def test_the_same_post_twice_in_a_page_counts_once(tmp_path: Path):
    posts = read_items(tmp_path, [SUBMISSION, row(SUBMISSION, score=99), COMMENT]).posts
    assert posts["reddit_score"].to_list() == [12, 3]


def test_numbers_and_truth_values_may_be_written_as_strings(tmp_path: Path):
    [post] = read_items(
        tmp_path, [row(SUBMISSION, score="12", over_18="true", title=17)]
    ).posts.rows(named=True)
    assert (post["reddit_score"], post["is_nsfw"], post["title"]) == (12, True, "17")
