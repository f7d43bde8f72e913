"""Parsing Reddit's things: dirty values, kinds of post, removals, and laws. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.reddit_parse import FIELDS, parse_page, record
from schema.pages import ParsedPage, RawPage
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
CREATED = 1_769_900_000

SUBMISSION: dict[str, Any] = {
    "author": "fern-compass-4410",
    "created_utc": float(CREATED),
    "edited": False,
    "is_self": True,
    "name": "t3_1abcd2",
    "num_comments": 4,
    "num_crossposts": 1,
    "over_18": False,
    "quarantine": False,
    "score": 12,
    "selftext": "The kettle and I are both tired today.",
    "subreddit": "QuietPorch",
    "title": "A slow morning",
    "url": "https://www.reddit.com/r/QuietPorch/comments/1abcd2/a_slow_morning/",
}
COMMENT: dict[str, Any] = {
    "author": "quartz-heron-2208",
    "body": "Mine too. Tea helps.",
    "created_utc": float(CREATED),
    "edited": False,
    "link_id": "t3_1abcd2",
    "name": "t1_k0aaaa",
    "parent_id": "t3_1abcd2",
    "score": 3,
    "subreddit": "QuietPorch",
}
MISSING = object()


def thing(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    kind = "t3" if data is SUBMISSION else "t1"
    changed = {**data, **changes}
    return {"kind": kind, "data": {k: v for k, v in changed.items() if v is not MISSING}}


def parse(*things: Any) -> ParsedPage:
    items = tuple(record(one) for one in things)
    return parse_page(RawPage("reddit", "porch", "porch", "QuietPorch", NOW, items))


def parse_one(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    [row] = parse(thing(data, **changes)).posts.rows(named=True)
    return row


@pytest.mark.parametrize(
    "given", [CREATED, float(CREATED), str(CREATED), f"{CREATED}.0", CREATED + 0.0]
)
def test_a_time_may_come_as_whole_number_fraction_or_string(given):
    assert parse_one(SUBMISSION, created_utc=given)["created_at"] == datetime.fromtimestamp(
        CREATED, UTC
    )


@pytest.mark.parametrize(
    "given", [True, None, MISSING, "soon", "", [], {}, 1e40, float("nan"), float("inf"), "9" * 400]
)
def test_what_is_no_time_sets_the_item_aside(given):
    parsed = parse(thing(SUBMISSION, created_utc=given), thing(COMMENT))
    assert [entry.rule for entry in parsed.set_aside] == ["created_utc is no date"]
    assert parsed.posts["native_id"].to_list() == ["t1_k0aaaa"]


@pytest.mark.parametrize(
    ("seconds", "is_plausible"),
    [
        (0, False),
        (-86_400, False),
        (1_119_000_000, False),
        (1_200_000_000, True),
        (NOW.timestamp() + 60, True),
        (1_924_992_000, False),
    ],
)
def test_a_time_before_reddit_or_after_now_is_kept_and_marked(seconds, is_plausible):
    assert parse_one(SUBMISSION, created_utc=seconds)["is_created_at_plausible"] is is_plausible


@pytest.mark.parametrize(
    ("edited", "is_edited", "edited_at"),
    [
        (False, False, None),
        (True, True, None),
        (None, False, None),
        (MISSING, False, None),
        (CREATED + 60.0, True, datetime.fromtimestamp(CREATED + 60, UTC)),
        ("yes", False, None),
    ],
)
def test_an_edit_is_false_a_time_or_in_old_items_true(edited, is_edited, edited_at):
    row = parse_one(COMMENT, edited=edited)
    assert (row["is_edited"], row["edited_at"]) == (is_edited, edited_at)


@pytest.mark.parametrize(
    ("changes", "score"),
    [
        ({"score": None}, None),
        ({"score": MISSING}, None),
        ({"score": -4}, -4),
        ({"score": 7.0}, 7),
        ({"score": 7, "score_hidden": True}, None),
        ({"score": 7, "score_hidden": False}, 7),
    ],
)
def test_a_score_that_is_absent_or_hidden_is_null(changes, score):
    assert parse_one(COMMENT, **changes)["reddit_score"] == score


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"score": "many"}, "score is no count"),
        ({"score": True}, "score is no count"),
        ({"num_comments": 1.5}, "num_comments is no count"),
        ({"num_crossposts": float("inf")}, "num_crossposts is no count"),
        ({"num_crossposts": float("nan")}, "num_crossposts is no count"),
        ({"num_crossposts": 10**400}, "num_crossposts is no count"),
        ({"author": None}, "author is missing"),
        ({"author": MISSING}, "author is missing"),
        ({"author": "  "}, "author is no text"),
        ({"author": {"name": "x"}}, "author is no text"),
        ({"title": MISSING}, "title is missing"),
        ({"selftext": ["a"]}, "selftext is no text"),
        ({"subreddit": None}, "subreddit is missing"),
        ({"name": "t5_abc"}, "name is no id"),
        ({"name": "t1_abc"}, "name is no id"),
        ({"name": 17}, "name is no id"),
    ],
)
def test_a_submission_that_breaks_a_rule_is_set_aside_under_it_without_its_values(changes, rule):
    parsed = parse(thing(SUBMISSION, **changes))
    [entry] = parsed.set_aside
    assert (entry.rule, entry.count, parsed.posts.height) == (rule, 1, 0)
    assert "kettle" not in entry.skeleton
    assert "fern" not in entry.skeleton


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"body": MISSING}, "body is missing"),
        ({"link_id": None}, "link_id is no id"),
        ({"link_id": "t1_abc"}, "link_id is no id"),
        ({"parent_id": 4_410}, "parent_id is no id"),
    ],
)
def test_a_comment_that_breaks_a_rule_is_set_aside_under_it(changes, rule):
    assert [entry.rule for entry in parse(thing(COMMENT, **changes)).set_aside] == [rule]


def test_things_of_other_kinds_are_set_aside_and_equal_shapes_counted():
    subreddit = {"kind": "t5", "data": {"name": "t5_abc"}}
    parsed = parse(subreddit, subreddit, None, [], {"kind": "t3"}, thing(COMMENT))
    assert sorted((entry.rule, entry.count) for entry in parsed.set_aside) == [
        ("neither a submission nor a comment", 1),
        ("neither a submission nor a comment", 1),
        ("neither a submission nor a comment", 2),
        ("no data", 1),
    ]
    assert parsed.posts.height == 1


def test_a_submission_without_a_body_is_kept_empty():
    assert parse_one(SUBMISSION, selftext=MISSING)["text"] == ""
    assert parse_one(SUBMISSION, selftext=None)["text"] == ""


def test_a_root_and_an_answer_know_their_places():
    root, answer = parse_one(SUBMISSION), parse_one(COMMENT, parent_id="t1_k0zzzz")
    places = ("kind", "root_native_id", "parent_native_id", "replies_count")
    assert [root[place] for place in places] == ["submission", "t3_1abcd2", None, 4]
    assert [answer[place] for place in places] == ["comment", "t3_1abcd2", "t1_k0zzzz", None]


def test_a_profile_venue_stays_as_reddit_spells_it():
    row = parse_one(SUBMISSION, subreddit="u_Fern-Compass-4410")
    assert row["venue"] == "u_Fern-Compass-4410"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"selftext": "[deleted]", "author": "[deleted]"}, "deleted_by_author"),
        ({"title": "[deleted by user]", "author": "[deleted]"}, "deleted_by_author"),
        ({"removed_by_category": "deleted", "author": "[deleted]"}, "deleted_by_author"),
        ({"removed_by_category": "author"}, "deleted_by_author"),
        ({"selftext": "[removed]"}, "removed_by_moderator"),
        ({"selftext": "[removed]", "author": "[deleted]"}, "removed_by_moderator"),
        ({"title": "[ Removed by moderator ]"}, "removed_by_moderator"),
        ({"removed_by_category": "moderator"}, "removed_by_moderator"),
        ({"removed_by_category": "automod_filtered"}, "removed_by_moderator"),
        ({"removed_by_category": "something_new"}, "removed_by_moderator"),
        ({"removed_by_category": "reddit"}, "taken_down"),
        ({"removed_by_category": "copyright_takedown"}, "taken_down"),
        ({"title": "[ Removed by Reddit ]"}, "taken_down"),
        ({"selftext": "[ Removed by Reddit on account of a rule. ]"}, "taken_down"),
        ({"author": "[deleted]"}, "account_deleted"),
        ({"author": "[deleted]", "created_utc": None}, "account_deleted"),
        ({"selftext": "[removed]", "author": None}, "removed_by_moderator"),
    ],
)
def test_a_submission_that_went_is_a_removal_with_its_reason(changes, reason):
    parsed = parse(thing(SUBMISSION, **changes))
    assert parsed.posts.height == 0
    assert parsed.set_aside == ()
    assert parsed.removals.rows() == [("reddit", "t3_1abcd2", None, reason, NOW)]


def test_words_about_removal_inside_a_text_remove_nothing():
    text = "My post was [removed] and then [deleted], what now?"
    assert parse_one(SUBMISSION, selftext=text)["text"] == text
    assert parse_one(COMMENT, body=text)["text"] == text


def test_a_gallery_gives_its_captions_and_its_links_but_not_its_own_page():
    row = parse_one(
        SUBMISSION,
        is_self=False,
        url="https://www.reddit.com/gallery/1abcd2",
        gallery_data={
            "items": [
                {"caption": "A chipped cup", "media_id": "a"},
                {"outbound_url": "https://example.org/cups", "media_id": "b"},
                {"caption": "  ", "media_id": "c"},
                "odd",
            ]
        },
    )
    assert row["alt_text"] == "A chipped cup"
    assert row["links"] == ["https://example.org/cups"]


def test_a_poll_gives_its_options():
    poll = {"options": [{"text": "Tea", "id": "1"}, {"text": "Sleep", "id": "2"}, {"id": "3"}]}
    assert parse_one(SUBMISSION, poll_data=poll)["alt_text"] == "Tea\nSleep"


def test_a_crosspost_quotes_its_parents_title_points_at_its_author_and_inherits_its_mark():
    parent = {"title": "The first kettle", "author": "dune-otter-9", "over_18": True}
    row = parse_one(SUBMISSION, selftext="", crosspost_parent_list=[parent])
    assert (row["text"], row["quoted_text"]) == ("", "The first kettle")
    assert row["mentions"] == ["dune-otter-9"]
    assert row["is_nsfw"]


def test_a_link_post_gives_its_target_and_its_cards_title():
    card = {"oembed": {"title": "How to rest", "author_name": "not collected"}}
    row = parse_one(
        SUBMISSION, is_self=False, selftext="", url="https://example.org/rest", media=card
    )
    assert row["links"] == ["https://example.org/rest"]
    assert row["quoted_text"] == "How to rest"


@pytest.mark.parametrize(
    "url", ["https://i.redd.it/a.jpg", "https://v.redd.it/abc", "/r/x/comments/1/", "http://[", 4]
)
def test_its_own_pictures_and_broken_targets_are_no_links(url):
    assert parse_one(SUBMISSION, is_self=False, url=url)["links"] == []


def test_links_and_accounts_in_words_are_found_once_without_their_punctuation():
    text = (
        "See [this](https://example.org/a_(b)?c=1), https://example.org/x\\_y. "
        "Or www.example.net! Thanks u/some\\_one, /u/Other-1 and "
        "https://www.reddit.com/user/third_1/ and u/fern-compass-4410 and (https://example.org/x_y)"
    )
    row = parse_one(SUBMISSION, selftext=text)
    assert row["links"] == [
        "https://example.org/a_(b)?c=1",
        "https://example.org/x_y",
        "www.example.net",
        "https://www.reddit.com/user/third_1/",
    ]
    assert row["mentions"] == ["some_one", "Other-1", "third_1"]


@pytest.mark.parametrize("mark", ["over_18", "quarantine"])
def test_adult_and_quarantined_posts_are_marked(mark):
    assert parse_one(SUBMISSION, **{mark: True})["is_nsfw"]
    assert not parse_one(SUBMISSION, **{mark: None})["is_nsfw"]


def test_half_a_surrogate_pair_does_not_stop_a_page():
    row = parse_one(SUBMISSION, selftext="kettle \ud83d", title="\udc4b", author="a\ud800b")
    assert row["text"] == "kettle \ufffd"


def test_the_same_post_twice_counts_once():
    parsed = parse(thing(SUBMISSION), thing(SUBMISSION, score=99), thing(COMMENT))
    assert parsed.posts["native_id"].to_list() == ["t3_1abcd2", "t1_k0aaaa"]


def test_a_record_keeps_what_is_read_and_nothing_else():
    kept = record(thing(SUBMISSION, author_fullname="t2_secret", author_flair_text="hello"))
    assert set(kept["data"]) <= set(FIELDS)


# --- laws ----------------------------------------------------------------------------------

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=8)
    | st.sampled_from(["[deleted]", "[removed]", "t3_abc", "t1_abc", "https://x.org", "u/ab"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "options", "caption", "text", "oembed", "title"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
malformed = st.builds(
    lambda kind, base, changes: {"kind": kind, "data": {**base, **changes}},
    st.sampled_from(["t1", "t3", "t5", None, 3]),
    st.sampled_from([SUBMISSION, COMMENT, {}]),
    st.dictionaries(st.sampled_from(FIELDS), anything, max_size=6),
)


@settings(max_examples=300)
@given(st.lists(malformed | anything, max_size=5))
def test_every_item_is_a_post_a_removal_or_set_aside(things):
    items = tuple(record(one) for one in things)
    parsed = parse_page(RawPage("reddit", "porch", "porch", "QuietPorch", NOW, items))
    CollectedPost.validate(parsed.posts)
    CollectedRemoval.validate(parsed.removals)
    aside = sum(entry.count for entry in parsed.set_aside)
    ids = [*parsed.posts["native_id"], *parsed.removals["native_id"]]
    assert len(ids) == len(set(ids))
    assert len(ids) + aside <= len(items)
    distinct = parse_page(RawPage("reddit", "porch", "porch", "QuietPorch", NOW, items[:1]))
    shown = len(distinct.posts) + len(distinct.removals) + len(distinct.set_aside)
    assert shown == len(items[:1])


@given(st.text(st.characters(codec=None), min_size=1), st.text(st.characters(codec=None)))
def test_a_skeleton_never_repeats_a_value(author, text):
    things = thing(SUBMISSION, author=author + "§§", selftext=text + "§§", created_utc="never")
    [entry] = parse(things).set_aside
    assert "§" not in entry.skeleton


@given(st.permutations([thing(SUBMISSION), thing(COMMENT), thing(SUBMISSION, name="t3_zz9")]))
def test_the_order_of_items_changes_no_row(things):
    rows = parse(*things).posts.sort("native_id").rows()
    assert (
        rows
        == parse(*sorted(things, key=lambda one: one["data"]["name"]))
        .posts.sort("native_id")
        .rows()
    )


@given(st.integers(0, int((NOW + timedelta(days=365)).timestamp())))
def test_a_time_survives_to_the_second(seconds):
    assert parse_one(COMMENT, created_utc=seconds)["created_at"].timestamp() == seconds
