"""Reddit's live sources through gate, vault and warehouse: what is held, counted and let go."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

import pytest

from connectors import reddit
from connectors.vault import open_vault
from demo.model import AccountChange, Gone, Person, Post, Venue, Wording
from flows.gate import land
from schema.errors import PolicyRefused
from schema.pages import CollectionQuery
from tests.support.command import PORCH
from tests.support.dumps import MISSING, SUBMISSION, lines, row
from tests.support.passes import Passes, passes
from tests.support.reddit_village import (
    NOON,
    VENUE,
    WRITER,
    Village,
    comment,
    minutely,
    submission,
    village,
)
from warehouse import store

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NO_COMMENTS = PORCH + 'comments = "none"\n'
SEARCH = '[[source]]\nname = "words"\nkind = "reddit_search"\nquery = "creaked"\n'
PANEL = '[[source]]\nname = "panel"\nkind = "reddit_user"\nauthors_file = "{path}"\n'
DUMPS = """[[source]]
name = "dumps"
kind = "reddit_archive"
subreddits = ["quietporch"]
permission = { reference = "invented", covers = "invented posts", expires = 2026-12-31 }
"""
OTHER = Venue("LoudCellar", "t5_loud", "public", 0.5, 1.0, 300, "An invented cellar")
ADULT = replace(VENUE, state="nsfw")
COUNTED = (
    "new_count",
    "updated_count",
    "unchanged_count",
    "set_aside_count",
    "other_language_count",
    "outside_policy_count",
    "outside_window_count",
    "suppressed_count",
    "gone_count",
)


@dataclass(slots=True)
class Porch:
    """A study and the subreddit it reads, on one clock."""

    village: Village
    study: Passes

    def at(self, instant: Any) -> "Porch":
        """Move both."""
        self.village.now = self.study.now = instant
        return self

    def asked(self, path: str) -> int:
        """Count the requests to a path."""
        return self.village.faults.requests[path]


@contextmanager
def porch(
    folder: Path, posts: list[Post], *, sources: str = NO_COMMENTS, policy: str = "", **served: Any
) -> Iterator[Porch]:
    with village(posts, **served) as place:
        yield Porch(
            place,
            passes(folder, reddit=place.url, now=place.now, sources=sources, policy=policy),
        )


def followed(folder: Path, *names: str) -> str:
    path = folder / "panel.names"
    path.touch(mode=0o600)
    path.write_text("\n".join(names), "utf-8")
    return PANEL.format(path=path)


# --- times ---------------------------------------------------------------------------------


def test_each_answer_is_dated_when_it_came_not_when_its_pass_began(tmp_path: Path) -> None:
    with porch(tmp_path, minutely(250, until=NOON)) as at:
        at.study.speed = 3600  # an hour a second
        at.study.collect()
        seen = at.study.sql(
            "select distinct observed_at from landed.engagement_snapshots order by all"
        )["observed_at"]
        [(began, ended)] = at.study.sql(
            "select started_at, finished_at from landed.collection_runs"
        ).rows()
        [covered] = at.study.sql("select max(to_at) from landed.coverage").rows()
    assert len(seen) == 3  # pages of a listing
    assert began < seen[0] < seen[1] < seen[2] < ended
    assert covered[0] < seen[0]  # what came while it was read is for the next pass


# --- counts --------------------------------------------------------------------------------


def test_every_item_of_a_listing_is_in_exactly_one_count(tmp_path: Path) -> None:
    posts = minutely(120, until=NOON)
    odd: dict[int, dict[str, Any]] = {
        3: {"distortions": {"score": "many"}},
        20: {"distortions": {"over_18": True}},
        40: {"distortions": {"removed_by_category": "moderator"}},
        60: {"wordings": (Wording(NOON - 90 * MINUTE, "Die Dielen knarren heute sehr laut."),)},
    }
    for place, changes in odd.items():
        posts[place] = replace(posts[place], **changes)
    posts[80] = replace(posts[80], created_at=NOON - timedelta(days=90))
    with porch(tmp_path, posts) as at:
        with at.study.workspace() as w, open_vault(w.vault, w.key.vault_keys()) as vault:
            vault.suppress("reddit", native_ids=[posts[10].native_id])
        tally = at.study.collect()
    assert sum(tally[name] for name in COUNTED) == 120
    assert {name: tally[name] for name in COUNTED if tally[name]} == {
        "new_count": 114,
        "set_aside_count": 1,
        "other_language_count": 1,
        "outside_policy_count": 1,
        "outside_window_count": 1,
        "suppressed_count": 1,
        "gone_count": 1,
    }


def test_twelve_hundred_new_posts_between_two_runs_are_one_gap_row(tmp_path: Path) -> None:
    old, new = minutely(50, until=NOON), minutely(1_200, until=NOON + 24 * HOUR, first=100)
    with porch(tmp_path, [*old, *new]) as at:
        at.study.collect()
        assert at.at(NOON + 24 * HOUR).study.collect()["new_count"] == 1_000
        at.study.collect()
        rows = at.study.sql(
            "select from_at, to_at, reason, at_most_count from coverage where kind = 'gap'"
        ).rows(named=True)
    [gap] = rows
    assert gap["from_at"] == old[-1].created_at.replace(tzinfo=None)
    shown = [post.created_at.replace(tzinfo=None) for post in new[200:202]]
    assert shown[0] <= gap["to_at"] <= shown[1]
    assert gap["at_most_count"] >= 200


def test_a_backfill_closes_the_gap_and_stores_what_was_missed(tmp_path: Path) -> None:
    old, new = minutely(50, until=NOON), minutely(1_200, until=NOON + 24 * HOUR, first=100)
    gaps = "select from_at, to_at from coverage where kind = 'gap'"
    with porch(tmp_path, [*old, *new], sources=NO_COMMENTS + DUMPS) as at:
        at.study.collect()
        at.at(NOON + 24 * HOUR).study.collect()
        assert (at.study.sql(gaps).height, len(at.study.held())) == (1, 1_050)
        half, whole = tmp_path / "half.ndjson", tmp_path / "whole.ndjson"
        half.write_bytes(dump([*old, *new[:100]]))
        whole.write_bytes(dump([*old, *new]))
        at.study.backfill("dumps", half)
        [left] = at.study.sql(gaps).rows(named=True)
        assert left["from_at"] == new[99].created_at.replace(tzinfo=None)
        [told] = at.study.backfill("dumps", whole)
        assert at.study.sql(gaps).is_empty()
        assert (told["new_count"], told["unchanged_count"]) == (100, 1_150)
        held = at.study.held()
    assert len(held) == len(set(held)) == 1_250


def dump(posts: list[Post]) -> bytes:
    """Write submissions as a dump that saw each when it was made."""
    return lines(
        row(
            SUBMISSION,
            id=post.native_id.removeprefix("t3_"),
            author=post.author.name,
            created_utc=int(post.created_at.timestamp()),
            num_comments=0,
            retrieved_on=MISSING,
            selftext=post.wordings[0].text,
            title=post.title,
            url=MISSING,
        )
        for post in posts
    )


# --- what is let in ------------------------------------------------------------------------


def test_a_subreddit_for_adults_alone_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with porch(tmp_path, minutely(30, until=NOON), venue=ADULT) as at:
        with pytest.raises(PolicyRefused, match=r"^source porch: all of the 30 .*NSFW.*remove"):
            at.study.collect()
        assert at.study.held() == []


def test_a_few_adult_posts_are_counted_out_and_the_rest_is_held(tmp_path: Path) -> None:
    posts = minutely(9, until=NOON)
    posts[2] = replace(posts[2], distortions={"over_18": True})
    with porch(tmp_path, posts) as at:
        tally = at.study.collect()
    assert (tally["new_count"], tally["outside_policy_count"]) == (8, 1)


def test_an_adult_subreddit_is_read_where_the_policy_has_a_reason(tmp_path: Path) -> None:
    policy = 'nsfw = true\nreasons = { nsfw = "approved by an invented board" }'
    with porch(tmp_path, minutely(30, until=NOON), venue=ADULT, policy=policy) as at:
        assert at.study.collect()["new_count"] == 30


def test_the_live_api_gives_posts_of_approved_communities_alone(tmp_path: Path) -> None:
    here = minutely(4, until=NOON)
    there = [replace(p, venue=OTHER.name) for p in minutely(3, until=NOON, first=30)]
    crisis = replace(OTHER, name="SuicideWatch", native_id="t5_watch")
    watched = [replace(p, venue=crisis.name) for p in minutely(2, until=NOON, first=60)]
    venues = [OTHER, crisis]
    with porch(tmp_path, [*here, *there, *watched], sources=SEARCH, more_venues=venues) as at:
        path = at.study.place.folder / "study.toml"
        approval = (
            "[platforms.reddit.approval]\n"
            'programme = "invented"\nreference = "1"\ncommunities = ["quietporch"]\n'
            'signed_by = ["one", "two"]\nexpires = 2026-12-31\n\n[platforms.bluesky]'
        )
        path.write_text(path.read_text().replace("[platforms.bluesky]", approval))
        query = at.village.query(venue="all", source="words", stream="words")
        [page] = reddit.fetch_search_pages(at.village.client(), query, "creaked")
        stamp = store.SaveStamp("run", "words", "words", "reddit_approved_api")
        with at.study.workspace() as workspace:
            tally = land(workspace, page, reddit.parse_page(page), stamp)
        assert (tally.new_count, tally.outside_policy_count) == (4, 5)
        assert set(at.study.held()) == at.study.keys([post.native_id for post in here])


def test_a_search_leaves_out_excluded_communities_on_any_route(tmp_path: Path) -> None:
    crisis = replace(OTHER, name="SuicideWatch")
    watched = [replace(p, venue=crisis.name) for p in minutely(2, until=NOON, first=60)]
    posts = [*minutely(4, until=NOON), *watched]
    with porch(tmp_path, posts, sources=SEARCH, more_venues=[crisis]) as at:
        tally = at.study.collect("words")
        assert (tally["new_count"], tally["outside_policy_count"]) == (4, 2)
        [seen] = at.study.sql("select stream, kind from coverage").rows()
    assert seen == ("words", "seen")


@pytest.mark.parametrize("listing", ['"hot"', '{ top = "week" }'])
def test_a_ranked_source_stores_posts_and_claims_nothing(tmp_path: Path, listing: str) -> None:
    sources = NO_COMMENTS + f"listing = {listing}\n"
    with porch(tmp_path, minutely(150, until=NOON), sources=sources) as at:
        assert at.study.collect()["new_count"] == 150
        assert at.study.collect()["unchanged_count"] == 150
        assert at.study.sql("select * from coverage").is_empty()


def test_a_tree_is_stored_to_the_depth_and_count_that_the_study_states(tmp_path: Path) -> None:
    root = submission(0, at=NOON - 5 * HOUR)
    first = [comment(n, under=root, at=NOON - 4 * HOUR) for n in range(30)]
    second = [comment(100 + n, under=first[0], at=NOON - 3 * HOUR) for n in range(30)]
    sources = PORCH + "comments = { depth = 1, limit = 20 }\n"
    with porch(tmp_path, [root, *first, *second], sources=sources) as at:
        assert at.study.collect()["new_count"] == 21
        assert at.asked("/comments/v00000") == 1
        assert at.study.collect()["new_count"] == 0
        assert at.asked("/comments/v00000") == 1


# --- accounts ------------------------------------------------------------------------------


def test_each_account_is_a_stream_of_its_own_and_none_is_named(tmp_path: Path) -> None:
    fern = Person("reddit", "fern-gully-2041", "t2_fern", "", NOON - timedelta(days=400))
    posts = [
        *minutely(5, until=NOON),
        *(replace(p, author=fern) for p in minutely(7, until=NOON, first=30)),
    ]
    sources = followed(tmp_path, f"u/{WRITER.name}", fern.name.upper())
    with porch(tmp_path, posts, sources=sources, people=[WRITER, fern]) as at:
        assert at.study.collect("panel")["new_count"] == 12
        streams = at.study.sql("select stream, updated_by_run from landed.cursors")["stream"]
        covered = at.study.sql("select distinct stream from coverage")["stream"]
    assert len(streams) == 2
    assert set(streams) == set(covered)
    assert all(stream.startswith("panel/") for stream in streams)
    assert not any(name in str(list(streams)) for name in (WRITER.name, fern.name))


def test_an_account_that_went_takes_its_posts_along_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    fern = Person("reddit", "fern-gully-2041", "t2_fern", "", NOON - timedelta(days=400))
    later = replace(fern, changes=(AccountChange(NOON + HOUR, "deleted"),))
    suspended = replace(
        WRITER,
        name="reed-bank-5",
        native_id="t2_reed",
        changes=(AccountChange(NOON - HOUR, "takendown"),),
    )
    theirs = [replace(p, author=later) for p in minutely(7, until=NOON, first=30)]
    sources = followed(tmp_path, later.name, "reed-bank-5", WRITER.name)
    people = [WRITER, later, suspended]
    with porch(tmp_path, [*minutely(5, until=NOON), *theirs], sources=sources, people=people) as at:
        assert at.study.collect("panel")["new_count"] == 12
        tally = at.at(NOON + 2 * HOUR).study.collect("panel")
        assert (tally["removed_count"], tally["gone_count"]) == (7, 1)
        assert len(at.study.held()) == 5
        streams = at.study.sql("select stream from landed.cursors")["stream"]
        assert len(streams) == 1  # nothing is kept under the name of who left
        asked = at.asked(f"/user/{later.name}/overview")
        at.study.collect("panel")
        assert at.asked(f"/user/{later.name}/overview") == asked  # nobody asks after who left


# --- refresh -------------------------------------------------------------------------------


def test_a_refresh_of_n_posts_asks_info_n_hundredths_times(tmp_path: Path) -> None:
    posts = minutely(1_234, until=NOON)
    with porch(tmp_path, posts, sources=SEARCH) as at:
        with at.study.workspace() as workspace:
            query = CollectionQuery("words", "words", VENUE.name, workspace.since, NOON)
            stamp = store.SaveStamp("run", "words", "words", "synthetic")
            names = [post.native_id for post in posts]
            pages = list(reddit.fetch_posts(at.village.client(), query, names))
            page = replace(pages[0], items=tuple(item for one in pages for item in one.items))
            land(workspace, page, reddit.parse_page(page), stamp)
        before = at.village.requests_count
        tally = at.at(NOON + 25 * HOUR).study.refresh()
        assert at.village.requests_count - before == ceil(1_234 / 100) == tally["requests_count"]
        assert tally["unchanged_count"] == 1_234
        at.study.refresh()
        assert at.village.requests_count - before == ceil(1_234 / 100)  # nothing is due now


def test_snapshots_are_taken_at_each_age_of_the_policy(tmp_path: Path) -> None:
    marks = (1, 6, 24, 36, 168, 720)
    with porch(tmp_path, [submission(1, at=NOON - MINUTE)]) as at:
        at.study.collect()
        born = NOON - MINUTE
        for hour in (*marks[:4], 60, 84, 108, 132, 156, *marks[4:5], 696, *marks[5:]):
            at.at(born + hour * HOUR + MINUTE / 2).study.refresh()
        taken = at.study.sql("select observed_at from landed.engagement_snapshots order by all")
    ages = [(row.replace(tzinfo=NOON.tzinfo) - born) / HOUR for row in taken["observed_at"]]
    for mark in marks:
        assert any(mark <= age < mark + 0.1 for age in ages)
    assert len(ages) == 13  # and at each look besides: a removal must be met in time


def test_removals_of_every_kind_are_told_apart_when_looked_at_again(tmp_path: Path) -> None:
    later = NOON + HOUR
    posts = minutely(6, until=NOON)
    fates = ("deleted_by_author", "removed_by_moderator", "not_found")
    for place, fate in enumerate(fates):
        posts[place] = replace(posts[place], gone=Gone(later, fate))
    left = replace(WRITER, name="fern-2041", changes=(AccountChange(later, "deleted"),))
    posts[3] = replace(posts[3], author=left)
    with porch(tmp_path, posts) as at:
        at.study.collect()
        tally = at.at(NOON + 25 * HOUR).study.refresh()
        assert (tally["removed_count"], tally["gone_count"]) == (4, 3)
        told = dict(at.study.sql("select reason, posts_count from landed.removals_audit").rows())
        assert told == dict.fromkeys([*fates, "account_deleted"], 1)
        assert set(at.study.held()) == at.study.keys([post.native_id for post in posts[4:]])
        with at.study.workspace() as w, open_vault(w.vault, w.key.vault_keys()) as vault:
            barred, _ = vault.suppressed("reddit", [post.native_id for post in posts], [])
    assert barred == {posts[0].native_id, posts[1].native_id, posts[3].native_id}


def test_an_edit_becomes_a_new_version_without_the_old_words(tmp_path: Path) -> None:
    [post] = minutely(1, until=NOON)
    edited = replace(
        post, wordings=(*post.wordings, Wording(NOON + HOUR, "The boards were mended."))
    )
    with porch(tmp_path, [edited]) as at:
        at.study.collect()
        tally = at.at(NOON + 25 * HOUR).study.refresh()
        assert tally["updated_count"] == 1
        [text] = at.study.sql("select text from landed.post_versions")["text"]
        versions = at.study.sql("select version_key from landed.superseded_versions")
    assert text == "The boards were mended."
    assert versions.height == 1


def test_a_post_of_another_permission_is_refreshed_and_not_let_go(tmp_path: Path) -> None:
    [post] = minutely(1, until=NOON)
    with porch(tmp_path, [post]) as at:
        at.study.collect()
        query = at.village.query()
        [page] = reddit.fetch_posts(at.village.client(), query, [post.native_id])
        stamp = store.SaveStamp("run", "porch", "porch", "reddit_approved_api")
        with at.study.workspace() as workspace:  # which has no approval
            tally = land(workspace, page, reddit.parse_page(page), stamp, is_held=True)
        assert (tally.unchanged_count, tally.removed_count) == (1, 0)
        assert json.dumps(at.study.held())
