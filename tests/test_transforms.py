"""The gate: keyed stand-ins, link categories, languages, and that nobody is named behind it."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from schema.posts import CollectedPost, EngagementSnapshot, Post
from schema.removals import CollectedRemoval
from schema.vocabulary import LINK_CATEGORIES
from transforms.language import LEAST_PROBABILITY, detect_languages
from transforms.language_batch import CLOSE, BatchIdentifier
from transforms.links import LINK_RULES, link_category
from transforms.ordinary import is_ordinary, ordinary_words
from transforms.pseudonymize import (
    author_pseudonyms,
    engagement_snapshots,
    post_keys,
    pseudonymize,
    pseudonymize_removals,
)
from transforms.scrub import SCRUBBER_VERSION

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET: dict[str, Any] = {
    "platform": "reddit",
    "native_id": "t3_fernmoss",
    "kind": "submission",
    "root_native_id": "t3_fernmoss",
    "parent_native_id": None,
    "author": "Fern_Lantern_41",
    "author_names": ["Fern_Lantern_41"],
    "mentions": [],
    "venue": "offmychest",
    "title": "Another night awake",
    "text": "I have not slept since the letter came, and nobody in the house has noticed.",
    "alt_text": None,
    "quoted_text": None,
    "flair": None,
    "links": [],
    "declared_languages": [],
    "hashtags_count": 0,
    "created_at": NOON,
    "is_created_at_plausible": True,
    "indexed_at": None,
    "observed_at": NOON,
    "edited_at": None,
    "is_edited": False,
    "is_nsfw": False,
    "is_visible_logged_out": True,
    "replies_count": None,
    "reddit_score": None,
    "reddit_crossposts_count": None,
    "bluesky_likes_count": None,
    "bluesky_reposts_count": None,
    "bluesky_quotes_count": None,
}  # fmt: skip


def collected(*changes: dict[str, Any]) -> dy.DataFrame[CollectedPost]:
    """Make posts like `QUIET`, each with its own changes."""
    rows = [QUIET | change for change in changes]
    return CollectedPost.validate(
        pl.DataFrame(rows, schema=CollectedPost.create_empty().schema), cast=True
    )


def stored(**change: Any) -> dict[str, Any]:
    return pseudonymize(collected(change), key=KEY).row(0, named=True)


def keyed(message: str) -> str:
    return hmac.digest(KEY.hex().encode(), message.encode(), "sha256").hex()


def test_stand_ins_are_hmacs_under_the_platforms_key() -> None:
    post = stored(parent_native_id="t1_up", root_native_id="t3_root")
    assert post["post_key"] == int(keyed("t3_fernmoss")[:16], 16)
    assert post["thread_key"] == int(keyed("t3_root")[:16], 16)
    assert post["parent_key"] == int(keyed("t1_up")[:16], 16)
    assert post["author_pseudonym"] == keyed("author\0fern_lantern_41")[:32]
    assert post["is_root"] is False
    assert post["scrubber_version"] == SCRUBBER_VERSION


def test_helpers_give_the_keys_that_the_gate_gives() -> None:
    post = stored()
    assert post_keys("reddit", ["t3_fernmoss"], key=KEY) == [post["post_key"]]
    assert author_pseudonyms("reddit", ["FERN_lantern_41"], key=KEY) == [post["author_pseudonym"]]
    assert post_keys("reddit", [], key=KEY) == []
    assert author_pseudonyms("bluesky", [], key=KEY) == []


def test_reddit_names_have_no_case_and_dids_do() -> None:
    assert len(set(author_pseudonyms("reddit", ["Moss", "moss"], key=KEY))) == 1
    assert len(set(author_pseudonyms("bluesky", ["did:plc:Ab", "did:plc:ab"], key=KEY))) == 2


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_two_ids_or_two_keys_never_share_a_stand_in(ids: list[str]) -> None:
    assert (
        len({*post_keys("bluesky", ids, key=KEY), *post_keys("bluesky", ids, key=OTHER_KEY)}) == 4
    )


@pytest.mark.parametrize("length", [0, 16, 31])
def test_a_short_key_is_refused(length: int) -> None:
    short = bytes(length)
    calls: Sequence[Any] = (
        lambda: pseudonymize(collected({}), key=short),
        lambda: engagement_snapshots(collected({}), key=short),
        lambda: pseudonymize_removals(CollectedRemoval.create_empty(), key=short),
        lambda: post_keys("reddit", [], key=short),
        lambda: author_pseudonyms("reddit", [], key=short),
    )
    for call in calls:
        with pytest.raises(ValueError, match="32 bytes"):
            call()


def test_a_frame_of_two_platforms_is_refused() -> None:
    posts = collected({}, {"platform": "bluesky"})
    with pytest.raises(ValueError, match="one platform"):
        pseudonymize(posts, key=KEY)


def test_an_empty_page_gives_empty_frames() -> None:
    nothing = CollectedPost.create_empty()
    assert pseudonymize(nothing, key=KEY).equals(Post.create_empty())
    assert engagement_snapshots(nothing, key=KEY).equals(EngagementSnapshot.create_empty())
    assert pseudonymize_removals(CollectedRemoval.create_empty(), key=KEY).is_empty()


def test_rows_keep_their_order_and_do_not_depend_on_their_page() -> None:
    changes = [{"native_id": f"t3_{n}", "text": f"night {n} with @fern{n}moss"} for n in range(40)]
    page = pseudonymize(collected(*changes), key=KEY)
    alone = pl.concat(pseudonymize(collected(change), key=KEY) for change in changes)
    assert page.equals(alone)


def test_another_wording_is_another_version_and_the_same_is_the_same() -> None:
    fields = ("title", "text", "alt_text", "quoted_text")
    versions = [
        stored(**{name: wording})["version_key"] for name in fields for wording in ("", "a")
    ]
    assert len(set(versions)) == len(versions)
    assert stored(title=None)["version_key"] != stored(title="")["version_key"]
    assert stored(flair="new", reddit_score=9)["version_key"] == stored()["version_key"]
    moved = stored(text="a", alt_text="b")["version_key"]
    assert moved != stored(text="a\x1fb")["version_key"]


def test_what_two_wordings_share_after_masking_are_still_two_versions() -> None:
    first, second = stored(text="hi @moss_one"), stored(text="hi @moss_two")
    assert first["text"] == second["text"]
    assert first["version_key"] != second["version_key"]


@pytest.mark.parametrize("venue", ["u_Fern_Lantern_41", "U_fern_lantern_41", "u/fern_lantern_41"])
def test_a_persons_own_page_becomes_a_pseudonym(venue: str) -> None:
    [pseudonym] = author_pseudonyms("reddit", ["fern_lantern_41"], key=KEY)
    assert stored(venue=venue)["community_key"] == f"reddit/u_{pseudonym[:12]}"


def test_a_feed_that_names_its_maker_becomes_a_pseudonym() -> None:
    post = stored(platform="bluesky", venue="at://did:plc:moss/app.bsky.feed.generator/calm")
    assert post["community_key"].startswith("bluesky/feed_")
    assert "moss" not in post["community_key"]
    assert stored(platform="bluesky", venue="network")["community_key"] == "bluesky/network"
    assert stored(venue="OffMyChest")["community_key"] == "reddit/OffMyChest"


def test_texts_of_every_kind_are_masked_and_counted() -> None:
    post = stored(
        title="to @moss_otter",
        text="fern lantern 41 writes to u/moss_otter_2 at moss@mail.example",
        alt_text="screen shot of @moss_otter",
        quoted_text="https://ko-fi.com/moss",
        flair="Fern_Lantern_41",
    )
    assert post["title"] == "to [HANDLE]"
    assert post["text"] == "[USER] writes to [USER] at [EMAIL]"
    assert post["alt_text"] == "screen shot of [HANDLE]"
    assert post["quoted_text"] == "[LINK:tip_jar]"
    assert post["flair"] == "[USER]"
    counts = {mask["mask"]: mask["count"] for mask in post["masks"]}
    assert counts == {"EMAIL": 1, "HANDLE": 2, "LINK:tip_jar": 1, "USER": 3}


def test_links_are_sorted_kinds_from_column_and_text() -> None:
    post = stored(
        text="roof fund gofund.me/ab1 and more",
        links=["https://moss.example/a", "https://www.etsy.com/shop/x", "https://moss.example/b"],
    )
    assert post["link_categories"] == ["crowdfunding", "merch", "other"]
    assert stored()["link_categories"] == []


def test_words_are_those_of_title_and_masked_text() -> None:
    post = stored(title="It's late", text="I can't, @moss_otter: 3 nights. \u00c9va\u2019s")
    assert post["words_count"] == 8
    assert stored(title=None, text="")["words_count"] == 0


def test_declared_languages_are_tags_and_nothing_else() -> None:
    post = stored(
        declared_languages=["en", "pt-BR", "EN-us", "zz-bad", "@moss_otter", "english", ""]
    )
    assert post["declared_languages"] == ["en", "pt", "en", "zz"]


def test_snapshots_hold_the_posts_that_have_a_count() -> None:
    posts = collected(
        {"reddit_score": 4}, {"native_id": "t3_none"}, {"native_id": "t3_zero", "replies_count": 0}
    )
    snapshots = engagement_snapshots(posts, key=KEY)
    assert snapshots["post_key"].to_list() == post_keys(
        "reddit", ["t3_fernmoss", "t3_zero"], key=KEY
    )
    assert snapshots["reddit_score"].to_list() == [4, None]
    assert snapshots["replies_count"].to_list() == [None, 0]


def test_removals_carry_either_stand_in() -> None:
    removals = CollectedRemoval.validate(
        pl.DataFrame(
            {
                "platform": ["reddit", "reddit"],
                "native_id": ["t3_fernmoss", None],
                "author": [None, "Fern_Lantern_41"],
                "reason": ["deleted_by_author", "opted_out"],
                "observed_at": [NOON, NOON],
            }
        ),
        cast=True,
    )
    keyed_rows = pseudonymize_removals(removals, key=KEY)
    post = stored()
    assert keyed_rows["post_key"].to_list() == [post["post_key"], None]
    assert keyed_rows["author_pseudonym"].to_list() == [None, post["author_pseudonym"]]


ACCOUNT = st.from_regex(r"[a-z][a-z0-9_-]{9,16}[a-z0-9]", fullmatch=True)


@settings(max_examples=60)
@given(account=ACCOUNT, mentioned=ACCOUNT)
def test_no_account_name_survives(account: str, mentioned: str) -> None:
    assume(not is_ordinary(account) and not is_ordinary(mentioned) and "other" not in account)
    posts = collected(
        {
            "platform": "bluesky",
            "kind": "post",
            "native_id": f"at://did:plc:{account}/app.bsky.feed.post/1",
            "root_native_id": f"at://did:plc:{mentioned}/app.bsky.feed.post/1",
            "parent_native_id": f"at://did:plc:{mentioned}/app.bsky.feed.post/1",
            "author": f"did:plc:{account}",
            "author_names": [f"{account}.bsky.social", account.upper()],
            "mentions": [f"did:plc:{mentioned}", f"{mentioned}.example"],
            "venue": f"at://did:plc:{account}/app.bsky.feed.generator/x",
            "title": f"{account}: a title",
            "text": f"I, {account}, thank {mentioned} and @{mentioned}.example",
            "alt_text": f"{mentioned.title()} smiles",
            "quoted_text": f"https://bsky.app/profile/{mentioned}.example",
            "flair": account,
            "links": [f"https://bsky.app/profile/{account}.bsky.social"],
            "declared_languages": [account],
        }
    )
    row = str(pseudonymize(posts, key=KEY).row(0)).lower()
    assert account not in row
    assert mentioned not in row


def test_a_sampled_page_of_any_content_passes_the_gate() -> None:
    posts = CollectedPost.sample(50, overrides={"platform": ["bluesky"] * 50})
    assert pseudonymize(posts, key=KEY).height == 50


@pytest.mark.parametrize(
    ("url", "category"),
    [
        ("https://www.gofundme.com/f/x", "crowdfunding"),
        ("https://gofundme.community/x", "other"),
        ("https://notetsy.com/", "other"),
        ("HTTPS://WWW.ETSY.COM/shop/x", "merch"),
        ("https://ko-fi.com/moss", "tip_jar"),
        ("https://ko-fi.com/s/123", "merch"),
        ("https://www.amazon.com/hz/wishlist/ls/1", "tip_jar"),
        ("https://amazon.co.uk/dp/B0?tag=x-20", "affiliate"),
        ("https://amazon.co.uk/dp/B0", "other"),
        ("https://moss.substack.com/p/x", "subscription"),
        ("https://calendly.com", "course_or_coaching"),
        ("https://988lifeline.org/chat", "support_service"),
        ("https://www.nhs.uk/mental-health/", "support_service"),
        ("https://news.moss.example/a", "news"),
        ("https://moss.example/x?aff_id=3", "affiliate"),
        ("https://moss.example/?u=gofundme.com", "other"),
        ("mailto:moss@mail.example", "other"),
        ("", "other"),
        (None, None),
    ],
)  # fmt: skip
def test_a_link_has_one_category(url: str | None, category: str | None) -> None:
    found = pl.DataFrame({"url": [url]}, schema={"url": pl.String}).select(
        link_category(pl.col("url"))
    )
    assert found.item() == category


def test_every_category_but_other_has_rules() -> None:
    assert {category for category, _ in LINK_RULES} == set(LINK_CATEGORIES) - {"other"}


def test_languages_are_told_where_there_is_enough_to_read() -> None:
    texts = pl.Series(
        [
            "I have not slept since the letter came, and nobody has noticed.",
            "Ich habe seit Wochen kaum geschlafen und niemand merkt es.",
            "Je n'ai pas dormi depuis la lettre et personne ne le voit.",
            "thanks, same here",
            "[HANDLE] [LINK:crowdfunding] [LINK:other] [USER] [EMAIL]",
            "1234567890 1234567890 !!!!!",
            None,
            "",
        ]
    )
    found = detect_languages(texts)
    assert found["language"].to_list() == ["en", "de", "fr", None, None, None, None, None]
    sure = found["language_confidence"]
    assert sure.head(3).is_between(LEAST_PROBABILITY, 1).all()
    assert sure.tail(5).is_null().all()


def test_a_text_of_three_languages_is_in_doubt_and_says_how_much() -> None:
    text = "je ne sais pas no puedo dormir non sono mai stato"
    [(language, sure)] = detect_languages(pl.Series([text])).rows()
    assert language is None
    assert 0 < sure < LEAST_PROBABILITY


def test_a_language_does_not_depend_on_placeholders() -> None:
    text = "I have not slept since the letter came, and nobody has noticed."
    masked = f"[HANDLE] {text} [LINK:crowdfunding] [LINK:support_service]"
    assert detect_languages(pl.Series([masked]))["language"].to_list() == ["en"]


def test_many_texts_have_the_languages_that_each_has_alone() -> None:
    phrases = (
        "I could not sleep and nobody called all night long",
        "ich habe gestern den ganzen Abend auf den Bus gewartet",
        "je ne sais pas pourquoi la lampe est restée allumée",
        "no puedo dormir desde que se fue mi hermana",
        "non sono mai stato in quella città da solo",
        "сегодня я опять остался один дома и молчал",
        "今日は一日中ひとりで家にいました。とても静かでした",
        "ALL OF THIS WAS WRITTEN IN CAPITAL LETTERS BY SOMEBODY TIRED",
    )
    mixed = [
        f"{one[:a]} {two[b:]}"
        for one in phrases
        for two in phrases
        for a in (9, 30, 60)
        for b in (0, 12, 25)
    ]
    texts = [*mixed, *(f"{text} " * 90 for text in phrases)]
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    alone = [detect_languages(pl.Series([text])).row(0) for text in texts]
    assert detect_languages(pl.Series(texts)).rows() == alone
    assert detect_languages(pl.Series(texts[::-1])).rows() == alone[::-1]
    guesses = BatchIdentifier(identifier).classify(texts, threshold=LEAST_PROBABILITY)
    for text, language, probability in zip(
        texts, guesses.languages, guesses.probabilities, strict=True
    ):
        theirs, likelihood = identifier.classify(text)
        assert probability == pytest.approx(likelihood, abs=CLOSE / 10)
        assert language == theirs or probability < LEAST_PROBABILITY
    assert {"en", "de", "fr", "es", "ru", "ja", None} <= {language for language, _ in alone}


def test_no_text_has_a_language() -> None:
    assert detect_languages(pl.Series([], dtype=pl.String)).rows() == []


def test_ordinary_words_know_their_endings_and_phrases() -> None:
    for name in ("sunshine", "Struggling", "tired mother", "overthinker", "Mom of three"):
        assert is_ordinary(name)
    for name in (
        "quietfox",
        "fern_lantern",
        "x9f4",
        "sad_otter",
        "12345678",
        "🌸🌸",
        "",
        "Orla Quimby",
    ):
        assert not is_ordinary(name)


def test_the_word_list_holds_lower_case_words() -> None:
    assert all(word.isascii() and word.islower() and word.isalpha() for word in ordinary_words())
