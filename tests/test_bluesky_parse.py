"""Bluesky's views to collected posts: what is read, what is set aside, and that nothing breaks."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.atproto_syntax import utc_time
from connectors.bluesky import parse_page
from connectors.bluesky_record import read_facets
from connectors.jetstream import parse_events
from connectors.jetstream_wire import METHOD
from tests.support.appview_script import DEFS, HANDLE, NOW, OTHER, POSTS, WRITER, page, uri, view
from tests.support.odd_json import dented


def row(**more: Any) -> dict[str, Any]:
    [one] = parse_page(page(view("k1", **more))).posts.rows(named=True)
    return one


def recorded(**record: Any) -> dict[str, Any]:
    return row(record=record)


def facet(text: str, part: str, kind: str, **feature: Any) -> dict[str, Any]:
    start = len(text[: text.index(part)].encode())
    index = {"byteStart": start, "byteEnd": start + len(part.encode())}
    features = [{"$type": f"app.bsky.richtext.facet#{kind}", **feature}]
    return {"index": index, "features": features}


def test_a_view_is_a_post_with_its_three_clocks_and_its_counts() -> None:
    early = NOW - timedelta(days=3)
    one = row(at=early, record={"createdAt": "2026-02-20T12:00:00.123456789+02:00"})
    assert one["created_at"] == datetime(2026, 2, 20, 10, 0, 0, 123456, tzinfo=UTC)
    assert (one["indexed_at"], one["observed_at"]) == (early, NOW)
    assert (one["kind"], one["venue"], one["author"]) == ("post", "network", WRITER)
    assert one["root_native_id"] == one["native_id"] == uri("k1")
    assert one["parent_native_id"] is None
    assert one["author_names"] == [HANDLE, "Moss L."]
    counts = [one[name] for name in ("replies_count", "bluesky_reposts_count")]
    counts += [one["bluesky_likes_count"], one["bluesky_quotes_count"], one["reddit_score"]]
    assert counts == [0, 1, 2, 3, None]


def test_a_reply_names_its_thread_s_root_and_what_it_answers() -> None:
    reply = {"root": {"uri": uri("r", OTHER)}, "parent": {"uri": uri("p", OTHER)}}
    one = recorded(reply=reply)
    assert (one["root_native_id"], one["parent_native_id"]) == (uri("r", OTHER), uri("p", OTHER))


def test_links_mentions_and_hashtags_are_cut_by_utf_8_bytes() -> None:
    text = "Über müde 🙏🏽 @wren.invented.example liest https://news.invented.example/a #schlaf"
    facets = [
        facet(text, "@wren.invented.example", "mention", did=OTHER),
        facet(
            text, "https://news.invented.example/a", "link", uri="https://news.invented.example/a"
        ),
        facet(text, "#schlaf", "tag", tag="schlaf"),
    ]
    one = recorded(text=text, facets=facets, tags=["nacht"])
    assert one["mentions"] == ["wren.invented.example", OTHER]
    assert one["links"] == ["https://news.invented.example/a"]
    assert one["hashtags_count"] == 2
    assert one["text"] == text


def test_a_shortened_link_is_written_out_and_words_that_link_stay() -> None:
    text = "für mich: fund.invented.example/moss-la... und hier"
    whole = "https://fund.invented.example/moss-lantern?x=1"
    facets = [
        facet(text, "fund.invented.example/moss-la...", "link", uri=whole),
        facet(text, "hier", "link", uri="https://other.invented.example/"),
    ]
    one = recorded(text=text, facets=facets)
    assert one["text"] == f"für mich: {whole} und hier"
    assert one["links"] == [whole, "https://other.invented.example/"]


def test_pictures_cards_and_quotes_are_read_wherever_they_stand() -> None:
    images = {"$type": "app.bsky.embed.images", "images": [{"alt": "a grey sea"}, {"alt": ""}]}
    quote = {"$type": "app.bsky.embed.record", "record": {"uri": uri("q", OTHER), "cid": "x"}}
    both = {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": images}
    one = recorded(embed=both, text="")
    assert (one["text"], one["alt_text"], one["mentions"]) == ("", "a grey sea", [OTHER])
    card = {"uri": "https://shop.invented.example/", "title": "Shop", "description": "Cups"}
    one = recorded(embed={"$type": "app.bsky.embed.external", "external": card})
    assert (one["quoted_text"], one["links"]) == ("Shop\nCups", ["https://shop.invented.example/"])


def test_an_unknown_embed_is_read_by_the_names_of_its_fields() -> None:
    gallery = {"$type": "app.bsky.embed.gallery", "rooms": [{"items": [{"alt": "two chairs"}]}]}
    assert recorded(embed=gallery)["alt_text"] == "two chairs"


def test_of_a_quoted_post_the_names_are_kept_and_the_words_are_not() -> None:
    author = {"did": OTHER, "handle": "wren.invented.example", "displayName": "Wren Q."}
    quoted = {"uri": uri("q", OTHER), "author": author, "value": {"text": "hers", "alt": "hers"}}
    one = row(embed={"$type": "app.bsky.embed.record#view", "record": quoted})
    assert one["mentions"] == [OTHER, "wren.invented.example", "Wren Q."]
    assert "hers" not in str([one["text"], one["alt_text"], one["quoted_text"]])


def test_languages_are_well_formed_primary_subtags_each_once() -> None:
    given = ["en-GB", "EN", "zz-bad", "english", "d", "", 7, None, "pt-BR"]
    assert recorded(langs=given)["declared_languages"] == ["en", "zz", "pt"]
    assert recorded(langs="en")["declared_languages"] == []


@pytest.mark.parametrize("value", ["porn", "sexual", "nudity", "graphic-media"])
def test_adult_labels_count_from_author_moderator_and_account(value: str) -> None:
    label = {"val": value, "src": OTHER}
    selves = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": value}]}
    assert row(labels=[label])["is_nsfw"]
    assert recorded(labels=selves)["is_nsfw"]
    assert row(author={"did": WRITER, "labels": [label]})["is_nsfw"]
    assert not row(labels=[label | {"neg": True}])["is_nsfw"]
    assert not row(labels=[{"val": "spam"}, 7, {"val": None}])["is_nsfw"]


def test_an_author_who_wants_signed_in_readers_only_is_marked() -> None:
    label = {"val": "!no-unauthenticated", "src": WRITER}
    assert not row(author={"did": WRITER, "labels": [label]})["is_visible_logged_out"]
    assert row()["is_visible_logged_out"]


def test_a_view_that_is_labelled_as_taken_down_is_a_removal() -> None:
    found = parse_page(page(view("k1", labels=[{"val": "!takedown", "src": OTHER}]), view("k2")))
    assert found.posts["native_id"].to_list() == [uri("k2")]
    [gone] = found.removals.rows(named=True)
    assert (gone["native_id"], gone["author"], gone["reason"]) == (uri("k1"), None, "taken_down")


@pytest.mark.parametrize(
    ("claimed", "is_plausible"),
    [
        ("1970-01-01T00:00:00.000Z", False),
        ("0001-01-01T00:00:00.000Z", False),
        ("2031-05-05T05:05:05.000Z", False),
        ("2022-10-31T23:59:59Z", False),
        ("2022-11-17T00:00:00Z", True),
        ("2026-03-01T00:04:59Z", True),
        ("2026-03-01T00:05:01Z", False),
    ],
)
def test_a_date_nobody_can_believe_is_kept_and_marked(claimed: str, is_plausible: bool) -> None:
    one = recorded(createdAt=claimed)
    assert one["is_created_at_plausible"] is is_plausible


@pytest.mark.parametrize(
    "claimed",
    [
        *("garbage", "2026-01-20", "2026-01-20T10:00:00", "2026-02-30T10:00:00Z", None, 5),
        *("9999-12-31T23:59:59-01:00", "2026-01-20T25:00:00Z", "2026-01-20t10:00:00z", ""),
    ],
)
def test_a_date_that_is_none_is_set_aside(claimed: object) -> None:
    found = parse_page(page(view("k1", record={"createdAt": claimed})))
    assert [aside.rule for aside in found.set_aside] == ["createdAt is no time with a zone"]


BAD_VIEWS: list[tuple[Any, str]] = [
    (view("k1") | {"uri": f"at://{HANDLE}/{POSTS}/k1"}, "uri does not name a post"),
    (view("k1") | {"uri": f"at://{WRITER}/app.bsky.feed.like/k1"}, "uri does not name a post"),
    (view("k1") | {"uri": 7}, "uri does not name a post"),
    ({}, "uri does not name a post"),
    (view("k1") | {"author": None}, "author is missing"),
    (view("k1") | {"record": [HANDLE]}, "record is missing"),
    (view("k1", record={"$type": "app.bsky.feed.like"}), "record is not a post"),
    (view("k1", record={"text": 17}), "text is missing"),
    (view("k1", record={"text": None}), "text is missing"),
    (view("k1", record={"reply": {"root": "nowhere"}}), "reply does not name"),
    (view("k1", record={"reply": HANDLE}), "reply does not name"),
    (view("k1", record={"reply": {"root": {"uri": uri("a")}}}), "reply does not name"),
    ({"$type": f"{DEFS}#notFoundPost"}, "thread: post not found"),
    ({"$type": f"{DEFS}#blockedPost"}, "thread: post blocked"),
]


@pytest.mark.parametrize(("bad", "rule"), BAD_VIEWS)
def test_a_malformed_view_is_set_aside_among_good_ones(bad: Any, rule: str) -> None:
    found = parse_page(page(view("a"), bad, bad, view("b")))
    assert found.posts["native_id"].to_list() == [uri("a"), uri("b")]
    [aside] = found.set_aside
    assert aside.rule.startswith(rule)
    assert aside.count == 2
    assert HANDLE not in aside.skeleton
    assert WRITER not in aside.skeleton
    assert isinstance(json.loads(aside.skeleton), dict)


def test_odd_fields_that_a_post_can_do_without_do_not_cost_the_post() -> None:
    one = row(indexedAt="noon", likeCount="many", replyCount=-1, repostCount=True, labels="x")
    assert one["indexed_at"] is None
    assert (
        one["bluesky_likes_count"] is one["replies_count"] is one["bluesky_reposts_count"] is None
    )
    one = recorded(facets="x", langs=7, tags="x", labels=[7], embed="x")
    assert (one["links"], one["hashtags_count"]) == ([], 0)
    one = row(author={"did": 7, "handle": "handle.invalid", "displayName": "", "labels": {}})
    assert one["author_names"] == []


def test_a_post_that_stands_twice_on_a_page_is_one_post() -> None:
    found = parse_page(page(view("k1"), view("k1", record={"text": "later"})))
    assert found.posts["text"].to_list() == ["later"]


FULL_RECORD = {
    "$type": POSTS,
    "text": "müde",
    "createdAt": "2026-02-01T00:00:00Z",
    "facets": [facet("müde", "müde", "link", uri="https://a.invented.example")],
    "embed": {"$type": "app.bsky.embed.images", "images": [{"alt": "x"}]},
    "langs": ["en"],
    "tags": ["x"],
    "labels": {"values": [{"val": "porn"}]},
    "reply": {"root": {"uri": uri("r")}, "parent": {"uri": uri("r")}},
}
COMMIT = {
    "$type": f"{METHOD}#commit",
    "seq": 1,
    "did": WRITER,
    "time": "2026-02-01T00:00:00Z",
    "witnessedAt": "2026-02-01T00:00:00Z",
    "operation": "create",
    "collection": POSTS,
    "rkey": "k1",
    "record": FULL_RECORD,
    "account": {"active": False, "status": "deleted"},
}


@given(dented(view("k1")), dented(FULL_RECORD))
def test_no_view_whatever_breaks_a_page(item: dict[str, Any], record: dict[str, Any]) -> None:
    found = parse_page(page(item, view("k2", record=record), view("k3")))
    told = found.posts.height + found.removals.height + sum(a.count for a in found.set_aside)
    assert told == 3 - (item["uri"] in (uri("k2"), uri("k3")))
    assert uri("k3") in found.posts["native_id"].to_list()


@given(dented(COMMIT), dented(FULL_RECORD), st.sampled_from(["commit", "account", "sync"]))
def test_no_event_whatever_breaks_a_page(
    item: dict[str, Any], record: dict[str, Any], kind: str
) -> None:
    good = COMMIT | {"rkey": "k3", "did": OTHER}
    events = (item | {"$type": f"{METHOD}#{kind}"}, COMMIT | {"record": record}, good)
    found = parse_events(page(*events))
    assert uri("k3", OTHER) in found.posts["native_id"].to_list()


@given(st.text(), st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40))))
def test_facets_whose_offsets_are_nonsense_leave_the_text_alone(
    text: str, spans: list[tuple[int, int]]
) -> None:
    facets = [
        {
            "index": {"byteStart": start, "byteEnd": end},
            "features": [{"$type": "x#link", "uri": "mailto:nobody"}],
        }
        for start, end in spans
    ]
    assert read_facets(text, facets).text == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_time_that_the_protocol_can_write_is_read_back(moment: datetime) -> None:
    written = moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    assert utc_time(written) == moment
