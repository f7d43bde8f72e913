"""The invented community: what is planted is there, and nothing else is."""

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import combinations, pairwise
from types import SimpleNamespace
from typing import Literal

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.coders import (
    REPLY_CODES,
    ROOT_CODES,
    Answer,
    find_spans,
    simulated_answer,
)
from demo.community import SMALL, invent
from demo.history import counts, exists, handle, is_public, status, wording
from demo.model import Community, Post
from demo.truth import BINARY, GATED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUPPORTIVE = ("reply_emotional_support", "reply_esteem_validation")
CODERS = ("c1", "c2", "c3")


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(1)


def shingles(text: str) -> frozenset[object]:
    words = re.findall(r"\w+", text.lower())
    return frozenset(words) | frozenset(pairwise(words))


def has(post: Post, *codes: str) -> bool:
    return any(post.values.get(code, 0) >= 1 for code in codes)


def share(posts: list[Post], *codes: str) -> float:
    return sum(has(post, *codes) for post in posts) / len(posts)


def codable(community: Community) -> list[Post]:
    open_venues = {"HeavyPockets", "SmallHours", "DeskPlants", "network"}
    return [
        post
        for post in community.posts
        if post.venue in open_venues and post.text and not post.distortions and not post.claimed_at
    ]


def test_the_same_seed_invents_the_same_community(community: Community) -> None:
    again = invent(1)
    assert again == community
    assert invent(2, size=SMALL).posts != invent(1, size=SMALL).posts


def test_the_community_has_the_promised_size(community: Community) -> None:
    kinds = Counter((post.kind, post.is_root) for post in community.posts)
    assert kinds["submission", True] >= 260
    assert kinds["comment", False] >= 1_200
    assert kinds["post", True] >= 250
    assert kinds["post", False] >= 500
    assert sum(person.platform == "bluesky" for person in community.people) == 120


def test_identifiers_are_unique_and_spelled_as_on_the_platforms(community: Community) -> None:
    ids = [post.native_id for post in community.posts]
    assert len(set(ids)) == len(ids)
    patterns = {
        "submission": r"t3_[0-9a-z]{7}",
        "comment": r"t1_[0-9a-z]{7}",
        "post": r"at://did:plc:[a-z2-7]{24}/app\.bsky\.feed\.post/[2-7a-z]{13}",
    }
    for post in community.posts:
        assert re.fullmatch(patterns[post.kind], post.native_id)
    names = [person.name.lower() for person in community.people]
    assert len(set(names)) == len(names)


def test_ids_of_a_platform_grow_with_time(community: Community) -> None:
    for kind in ("submission", "comment"):
        posts = [post for post in community.posts if post.kind == kind]
        assert [post.native_id for post in posts] == sorted(post.native_id for post in posts)


def test_an_answer_is_younger_than_what_it_answers_and_in_its_thread(community: Community) -> None:
    for post in community.posts:
        if post.parent_id is None:
            assert post.root_id == post.native_id
            continue
        parent = community.by_id[post.parent_id]
        assert parent.created_at < post.created_at < community.until
        assert parent.root_id == post.root_id
        assert parent.venue == post.venue


def test_nobody_writes_while_the_account_does_not_stand(community: Community) -> None:
    assert all(status(post.author, post.created_at) == "active" for post in community.posts)


def test_threads_go_deep_and_wide(community: Community) -> None:
    depths: dict[str, int] = {}
    for post in community.posts:
        depths[post.native_id] = 0 if post.is_root else depths[str(post.parent_id)] + 1
    per_kind = defaultdict(list)
    for post in community.posts:
        per_kind[post.kind].append(depths[post.native_id])
    assert max(per_kind["comment"]) > 10
    assert sum(depth >= 4 for depth in per_kind["comment"]) > 40
    assert max(per_kind["post"]) >= 10


def test_a_bluesky_post_fits_its_length(community: Community) -> None:
    for post in community.posts:
        if post.platform == "bluesky":
            assert max(len(version.text) for version in post.wordings) <= 300


def test_every_planted_code_has_its_sentence_in_the_text(community: Community) -> None:
    for post in community.posts:
        assert {code for code, _ in post.evidence} <= set(ROOT_CODES) | set(REPLY_CODES)
        assert set(post.values) <= {code for code, _ in post.evidence}
        assert all(sentence in post.text for _, sentence in post.evidence)


def test_gated_codes_stand_in_struggle_posts_alone(community: Community) -> None:
    for post in community.posts:
        if has(post, *GATED):
            assert post.values["struggleposting"] >= 1


def test_half_of_the_posts_in_support_venues_share_a_struggle(community: Community) -> None:
    roots = community.roots("reddit")
    support = [post for post in roots if post.venue in ("HeavyPockets", "SmallHours")]
    plants = [post for post in roots if post.venue == "DeskPlants"]
    assert 0.40 < share(support, "struggleposting") < 0.62
    assert share(plants, "struggleposting") < 0.15


def test_planted_effects_are_in_the_truth(community: Community) -> None:
    struggle = [post for post in community.posts if has(post, "struggleposting")]
    replies: dict[bool, list[Post]] = {True: [], False: []}
    for post in community.posts:
        root = community.by_id[post.root_id]
        if not post.is_root and post.author != root.author:
            replies[has(root, "struggleposting")].append(post)
    gap = share(replies[True], *SUPPORTIVE) - share(replies[False], *SUPPORTIVE)
    assert gap > 0.15  # C02
    assert share(struggle, "theme_attention_empathy", "audience_empathy_seeking") < 0.4  # C19
    assert set(community.effects) == {"C01", "C02", "C04", "C19", "C20"}


def test_one_post_is_a_crisis_and_one_identifies_its_author(community: Community) -> None:
    for code in ("crisis_flag", "identifying_detail"):
        [post] = [post for post in community.posts if has(post, code)]
        assert is_public(post, NOW)
        assert NOW - post.created_at > timedelta(days=14)


def test_planted_duplicates_say_what_they_copy(community: Community) -> None:
    kinds = Counter((mark.kind, mark.match) for mark in community.duplicates)
    assert len(kinds) == 6
    for mark in community.duplicates:
        original, copy = community.by_id[mark.original_id], community.by_id[mark.copy_id]
        assert (mark.match == "exact") == (original.text == copy.text)
        assert (mark.kind == "copypasta") == (original.author != copy.author)
        assert (mark.kind == "crosspost") == (original.venue != copy.venue)
        assert 0 <= mark.edited_share <= 0.15
        assert original.created_at < copy.created_at


def test_no_two_posts_are_alike_by_chance(community: Community) -> None:
    planted = {frozenset((mark.original_id, mark.copy_id)) for mark in community.duplicates}
    long = [post for post in codable(community) if len(post.text) >= 40]
    holders: dict[object, list[int]] = defaultdict(list)
    sets = [shingles(post.text) for post in long]
    for place, own in enumerate(sets):
        for pair in own:
            if isinstance(pair, tuple):
                holders[pair].append(place)
    shared = Counter(
        couple for places in holders.values() if len(places) < 150
        for couple in combinations(places, 2)
    )  # fmt: skip
    alike = [
        {long[one].native_id, long[two].native_id}
        for (one, two), count in shared.items()
        if count >= 5
        and long[one].platform == long[two].platform
        and len(sets[one] & sets[two]) > 0.6 * len(sets[one] | sets[two])
    ]
    assert all(frozenset(couple) in planted for couple in alike)
    assert len(alike) >= 0.9 * len(planted)


def test_identifying_strings_of_every_kind_are_planted_in_texts(community: Community) -> None:
    text = "\n".join(version.text for post in community.posts for version in post.wordings)
    found = {name.kind for name in community.planted_names() if name.value in text}
    assert found >= {"account_name", "handle", "email", "phone", "url"}
    everything = {name.value for name in community.planted_names()}
    assert {post.native_id for post in community.posts} <= everything
    assert {person.native_id for person in community.people} <= everything
    assert any(not name.is_high_entropy for name in community.planted_names())


def test_no_repr_shows_a_text_or_a_name(community: Community) -> None:
    post = community.posts[0]
    for shown in (repr(community), repr(post), repr(post.author), repr(community.duplicates[0])):
        assert post.author.name not in shown
        assert post.native_id not in shown


def test_the_codebook_s_examples_appear_as_posts() -> None:
    codes = {
        "audience_empathy_seeking": SimpleNamespace(
            positive=[SimpleNamespace(text="Would one of you wave at me through this?", value=2)],
            near_miss=[
                SimpleNamespace(text="How does one wash a wool coat?", instead="none"),
                SimpleNamespace(text="[card] not a post", instead="none"),
            ],
        ),
        "reply_emotional_support": SimpleNamespace(
            positive=[SimpleNamespace(text="I wave at you, truly.", value=1)], near_miss=[]
        ),
    }
    community = invent(3, codebook_examples=codes, size=SMALL)
    by_text = {post.text: post for post in community.posts}
    wave = next(post for text, post in by_text.items() if text.startswith("Would one of you wave"))
    assert wave.values == {"audience_empathy_seeking": 2, "struggleposting": 2}
    assert any(text.startswith("How does one wash") for text in by_text)
    assert not any(text.startswith("[card]") for text in by_text)


@given(hours=st.lists(st.floats(0, 24 * 60), min_size=2, max_size=5), seed=st.integers(0, 10**6))
def test_engagement_only_grows(community: Community, hours: list[float], seed: int) -> None:
    post = community.posts[seed % len(community.posts)]
    seen = [
        counts(community, post, post.created_at + timedelta(hours=hour)) for hour in sorted(hours)
    ]
    for earlier, later in pairwise(seen):
        assert later.likes >= earlier.likes
        assert later.reposts >= earlier.reposts


@given(minutes=st.integers(-60, 60 * 24 * 60), seed=st.integers(0, 10**6))
def test_what_is_public_was_written_and_has_not_gone(
    community: Community, minutes: int, seed: int
) -> None:
    post = community.posts[seed % len(community.posts)]
    now = post.created_at + timedelta(minutes=minutes)
    if is_public(post, now):
        assert exists(post, now)
        assert post.gone is None or post.gone.at > now
        assert wording(post, now).at <= now


def test_fates_of_every_kind_fall_inside_the_window(community: Community) -> None:
    fates = Counter(post.gone.fate for post in community.posts if post.gone and post.gone.at < NOW)
    assert set(fates) == {"deleted_by_author", "removed_by_moderator", "taken_down", "not_found"}
    assert sum(len(post.wordings) > 1 for post in community.posts) > 40
    changed = [person for person in community.people if person.changes]
    assert {person.platform for person in changed} == {"reddit", "bluesky"}
    [renamed] = [person for person in community.people if person.renamed_at]
    assert handle(renamed, community.since) != handle(renamed, NOW) == renamed.name


def answers_for(community: Community, posts: list[Post]) -> list[list[Answer]]:
    return [
        [simulated_answer(community, post.native_id, coder=coder, text=post.text) for post in posts]
        for coder in CODERS
    ]


def test_a_coder_answers_the_same_post_the_same_way(community: Community) -> None:
    posts = codable(community)[:30]
    assert answers_for(community, posts) == answers_for(community, posts)
    one, two, _ = answers_for(community, posts)
    assert one != two


def test_answers_keep_the_codebook_s_rules(community: Community) -> None:
    posts = codable(community)
    for answers in answers_for(community, posts):
        for post, answer in zip(posts, answers, strict=True):
            asked = ROOT_CODES if post.is_root else REPLY_CODES
            assert set(answer.values) <= set(asked)
            assert set(answer.values) == set(answer.certainties)
            assert {span.code_id for span in answer.spans} == set(answer.values)
            assert all(value == 1 for code, value in answer.values.items() if code in BINARY)
            if set(answer.values) & set(GATED):
                assert answer.values["struggleposting"] >= 1
            if "crisis_flag" in answer.values or "out_of_scope" in answer.values:
                assert len(answer.values) == 1


def test_every_coder_flags_the_crisis(community: Community) -> None:
    [post] = [post for post in community.posts if has(post, "crisis_flag")]
    for [answer] in answers_for(community, [post]):
        assert answer.values == {"crisis_flag": 1}


@pytest.mark.parametrize("draw", [1, 2, 3])
def test_coders_agree_on_most_codes_and_not_on_the_hazy_ones(
    community: Community, draw: int
) -> None:
    roots = [post for post in codable(community) if post.is_root]
    rng = np.random.default_rng(draw)
    units = [roots[int(place)] for place in rng.permutation(len(roots))[:90]]
    table = answers_for(community, units)
    alphas = {code: alpha(code, table) for code in ROOT_CODES}
    for code in ("struggleposting", "audience_empathy_seeking", "theme_advice_crowdsourcing"):
        assert alphas[code] > 0.8
    for code in ("digital_vulnerability_signaling", "relatability_currency"):
        assert alphas[code] < 0.667


def alpha(code: str, table: list[list[Answer]]) -> float:
    values = np.array([[answer.values.get(code, 0) for answer in row] for row in table])
    if len(np.unique(values)) == 1:
        return 1.0
    level: Literal["nominal", "ordinal"] = "nominal" if code in BINARY else "ordinal"
    return float(krippendorff.alpha(values, level_of_measurement=level, value_domain=[0, 1, 2]))


def test_a_span_is_found_in_masked_text() -> None:
    text = "Hello. I cannot sleep since [DATE], at all. Write to [EMAIL]."
    assert find_spans(text, ["Hello."]) == [(0, 6)]
    [(start, end)] = find_spans(text, ["I cannot sleep since May, at all."])
    assert text[start:end] == "I cannot sleep since [DATE], at all."


@given(text=st.text(), sentences=st.lists(st.text().filter(str.strip), max_size=3))
def test_spans_lie_inside_their_text(text: str, sentences: list[str]) -> None:
    spans = find_spans(text, sentences)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert bool(spans) == bool(re.search(r"\S", text))


def test_an_answer_fits_a_text_that_was_edited(community: Community) -> None:
    post = next(post for post in community.posts if len(post.wordings) > 1 and post.values)
    edited = post.wordings[-1].text
    answer = simulated_answer(community, post.native_id, coder="c1", text=edited)
    assert all(edited[span.start : span.end].strip() for span in answer.spans)
