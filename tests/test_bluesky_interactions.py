"""Who liked, reposted or quoted a collected root: read where the study asks, gone when it ends."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.bluesky import connect, fetch_interactions, parse_interactions
from connectors.vault import open_vault
from flows.removing import remove
from schema.errors import SourceUnavailable
from schema.removals import CollectedRemoval
from tests.support.appview_script import OTHER, WRITER, query, refused, scripted_appview, view
from tests.support.bluesky_network import BlueskyNetwork
from tests.support.scanner import Names, scan
from tests.support.sky import PANEL, THREADS, Sky, Under, did, private_file, under
from tests.test_bluesky_real_pull import act, on, post
from transforms.pseudonymize import author_pseudonyms
from warehouse import store

ASKS = 'interactions = ["likes", "reposts"]\n'
SIGNED_IN = [{"val": "!no-unauthenticated"}]
SAID_AT = "2026-02-01T10:00:00.000Z"


def like(name: str, **actor: Any) -> dict[str, Any]:
    return {"actor": {"did": did(name)} | actor, "createdAt": SAID_AT, "indexedAt": SAID_AT}


def liked(*entries: dict[str, Any]) -> Sky:
    """One root of the writer's, liked and reposted."""
    sky = Sky()
    sky.write("mine")
    give(sky, *entries)
    sky.acts["getRepostedBy", "mine"] = [{"did": did("carrier")}]
    sky.posts["mine"]["repostCount"] = 1
    return sky


def give(sky: Sky, *entries: dict[str, Any]) -> None:
    sky.acts["getLikes", "mine"] = list(entries)
    sky.posts["mine"]["likeCount"] = len(entries)


def asking(folder: Path, sky: Sky, keys: str = ASKS) -> Any:
    path = private_file(folder / "panel.dids", WRITER)
    return under(folder, sky, PANEL.format(path=path) + THREADS + keys)


def edges(at: Under) -> set[tuple[str, str]]:
    frame = at.study.sql("select kind, actor_key from interaction_edge")
    return set(frame.iter_rows())


def named(at: Under, *acts: tuple[str, str]) -> set[tuple[str, str]]:
    """Give edges of (kind, account) as the study keys them."""
    with at.study.workspace() as workspace:
        key = workspace.key.pseudonym_key("bluesky")
    keyed = author_pseudonyms("bluesky", [did(name) for _, name in acts], key=key)
    return {(kind, one) for (kind, _), one in zip(acts, keyed, strict=True)}


def test_nobody_who_only_liked_is_asked_for_unless_the_study_says_so(tmp_path: Path) -> None:
    with under(tmp_path, liked(like("reader"))) as at:
        at.collect("panel", "threads")
        assert at.sky.asked("getLikes") == at.sky.asked("getRepostedBy") == 0
        assert edges(at) == set()


def test_who_liked_and_reposted_is_read_once_and_again_when_a_count_moves(tmp_path: Path) -> None:
    with asking(tmp_path, liked(like("reader"), like("friend"))) as at:
        at.collect("panel", "threads")
        both = named(at, ("like", "reader"), ("like", "friend"), ("repost", "carrier"))
        assert edges(at) == both
        claimed = at.study.sql(
            "select distinct created_at from interaction_edge where kind = 'like'"
        )
        assert claimed.item() == datetime(2026, 2, 1, 10)  # noqa: DTZ001  as the store keeps it
        assert at.collect("threads")["requests_count"] == 0
        give(at.sky, like("friend"))
        at.study.now += timedelta(hours=12)
        at.study.refresh("bluesky")
        assert edges(at) == both - named(at, ("like", "reader"))
        assert at.sky.asked("getRepostedBy") == 1


def test_who_withdraws_is_gone_in_time_though_another_keeps_the_count(tmp_path: Path) -> None:
    with asking(tmp_path, liked(like("reader"))) as at:
        at.collect("panel", "threads")
        give(at.sky, like("friend"))
        at.study.now += timedelta(hours=13)  # half of what R15 allows has passed
        at.study.refresh("bluesky")
        assert edges(at) == named(at, ("like", "friend"), ("repost", "carrier"))
        assert at.study.sql("select rewrite_due_at from landed.store").item() is not None


@pytest.mark.long
def test_the_newest_are_read_down_to_the_limit_over_short_pages(tmp_path: Path) -> None:
    sky = liked(*(like(f"reader{number}") for number in range(5)))
    sky.page_size = 2
    with asking(tmp_path, sky, ASKS + "interactions_per_post = 3\n") as at:
        at.collect("panel", "threads")
        kept = named(at, *(("like", f"reader{number}") for number in range(3)))
        assert edges(at) == kept | named(at, ("repost", "carrier"))
        assert sky.asked("getLikes") == 2


def test_who_is_kept_out_or_wants_signed_in_readers_stands_in_no_edge(tmp_path: Path) -> None:
    sky = liked(like("reader"), like("shy", labels=SIGNED_IN), like("forgotten"))
    with asking(tmp_path, sky) as at:
        with (
            at.study.workspace() as workspace,
            open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
        ):
            vault.suppress("bluesky", authors=[did("forgotten")])
        tally = at.collect("panel", "threads")
        assert edges(at) == named(at, ("like", "reader"), ("repost", "carrier"))
        assert (tally["outside_policy_count"], tally["suppressed_count"]) == (1, 1)
        folder = at.study.place.folder
        kept = [path for path in folder.rglob("*") if path.is_file() and "vault" not in path.name]
        dids = tuple(map(did, ("reader", "shy", "forgotten", "carrier")))
        assert scan(kept, Names(dids)) == []


def test_who_only_liked_and_deletes_the_account_is_gone_for_good(tmp_path: Path) -> None:
    with asking(tmp_path, liked(like("reader"), like("friend"))) as at:
        at.collect("panel", "threads")
        gone = {
            "platform": "bluesky",
            "native_id": None,
            "author": did("reader"),
            "reason": "account_deleted",
            "observed_at": at.study.now,
        }
        empty = CollectedRemoval.create_empty()
        rows = CollectedRemoval.validate(pl.DataFrame([gone], schema=empty.schema))
        with at.study.workspace() as workspace:
            assert remove(workspace, "bluesky", rows) == 0  # no post of theirs was held
        left = named(at, ("like", "friend"), ("repost", "carrier"))
        assert edges(at) == left
        at.study.now += timedelta(days=30)
        at.study.refresh("bluesky")  # whatever the AppView still shows
        assert at.sky.asked("getLikes") == 2
        assert edges(at) == left


@pytest.mark.long
def test_what_the_study_asks_for_no_more_goes_with_the_next_refresh(tmp_path: Path) -> None:
    with asking(tmp_path, liked(like("reader"))) as at:
        at.collect("panel", "threads")
        path = at.study.place.folder / "study.toml"
        path.write_text(path.read_text("utf-8").replace(ASKS, 'interactions = ["reposts"]\n'))
        at.study.refresh("bluesky")
        assert edges(at) == named(at, ("repost", "carrier"))


def test_a_reading_that_breaks_off_changes_nothing_and_is_done_again(tmp_path: Path) -> None:
    sky = liked(like("reader"))
    with asking(tmp_path, sky) as at:
        at.collect("panel", "threads")
        before = edges(at)
        give(sky, like("friend"), like("reader"))
        sky.acts["getLikes", "mine"] = [{"indexedAt": 7}, *sky.acts["getLikes", "mine"]]
        answer = sky.answer
        at.study.now += timedelta(hours=12)
        sky.page_size = 1
        calls: list[Any] = []

        def broken(ask: Any) -> Any:
            calls.append(ask)
            is_second = ask.method == "getLikes" and ask.number("cursor")
            return refused(400, "Nope") if is_second else answer(ask)

        with scripted_appview(broken) as appview:
            point(at, appview.url)
            at.study.refresh("bluesky")
        assert edges(at) == before
        point(at, at.sky.appview.url if at.sky.appview else "")
        tally = at.collect("threads")
        assert edges(at) == before | named(at, ("like", "friend"))
        assert tally["set_aside_count"] == 1  # what is no like costs no other
        rules = at.study.sql("select rule from staging.stg_set_aside")["rule"].to_list()
        assert rules == ["like names no account by its DID"]


def point(at: Under, url: str) -> None:
    """Let the study ask another AppView."""
    path = at.study.place.folder / "study.toml"
    lines = [
        f'appview = "{url}"' if line.startswith("appview") else line
        for line in path.read_text("utf-8").splitlines()
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_a_quote_is_its_author_s_edge_once(tmp_path: Path) -> None:
    sky = Sky()
    mine = sky.write("mine")
    sky.posts["mine"]["quoteCount"] = 3
    for number in range(3):
        sky.write(f"q{number}", by=OTHER if number else did("once"))
    sky.lists[f"quotes {mine}"] = ["q0", "q1", "q2"]
    with asking(tmp_path, sky, 'interactions = ["quotes"]\n') as at:
        at.collect("panel", "threads")
        assert at.held() == at.keys("mine")  # the quotes themselves are not collected
        frame = at.study.sql("select kind, created_at from interaction_edge order by created_at")
        assert frame["kind"].to_list() == ["quote", "quote"]
        made_at = [sky.posts[name]["record"]["createdAt"] for name in ("q0", "q1")]
        told = [at.strftime("%Y-%m-%dT%H:%M") for at in frame["created_at"]]
        assert told == [text[:16] for text in made_at]


def test_a_cursor_that_goes_in_circles_ends_the_reading() -> None:
    with scripted_appview(lambda ask: {"likes": [], "cursor": "again"}) as appview:
        pages = fetch_interactions(connect(appview.url), query(), view("x")["uri"], "like", limit=9)
        with pytest.raises(SourceUnavailable, match="repeats a page's cursor"):
            list(pages)


# --- Bluesky's own servers ------------------------------------------------------------------


@pytest.mark.bluesky_network
def test_on_the_real_network_edges_follow_what_people_do_and_take_back(
    bluesky_network: BlueskyNetwork, tmp_path: Path
) -> None:
    made = bluesky_network.seed(
        post("edgar", "The lamp by the gate is out again.", id="edge1"),
        act("profile", author="edshy", displayName="Ed", labels=["!no-unauthenticated"]),
        act("like", author="edna-lo", subject="edge1", id="edgelike"),
        act("like", author="edwin", subject="edge1"),
        act("like", author="edshy", subject="edge1"),
        act("repost", author="edwin", subject="edge1"),
        post("edna-lo", "Somebody should tell them.", id="edge2", quote="edge1"),
    )
    client = connect(bluesky_network.appview)
    now = datetime.now(UTC)
    for kind, names in (
        ("like", {"edna-lo", "edwin"}),
        ("repost", {"edwin"}),
        ("quote", {"edna-lo"}),
    ):
        pages = fetch_interactions(client, query(now=now), made.uri("edge1"), kind, limit=100)
        frames = [parse_interactions(page, kind) for page in pages]
        told = {row["author"]: row for frame, _ in frames for row in frame.rows(named=True)}
        seen = {one for one, row in told.items() if row["is_visible_logged_out"]}
        assert seen == {made.did(name) for name in names}
        assert all((row["created_at"] is None) == (kind == "repost") for row in told.values())
        assert [faults for _, faults in frames] == [()]
    path = private_file(tmp_path / "panel.dids", made.did("edgar"))
    asks = 'interactions = ["likes", "reposts", "quotes"]\n'
    study = on(bluesky_network, tmp_path, PANEL.format(path=path) + THREADS + asks)
    study.collect("panel")
    study.collect("threads")
    kinds = "select kind, count(*) from interaction_edge group by kind order by kind"
    assert study.sql(kinds).rows() == [("like", 2), ("quote", 1), ("repost", 1)]
    bluesky_network.seed(act("deactivate", author="edwin"), act("delete", subject="edge2"))
    study.now += timedelta(hours=13)
    study.refresh("bluesky")
    assert study.sql(kinds).rows() == [("like", 1)]
    bluesky_network.seed(act("activate", author="edwin"), act("delete", subject="edgelike"))
    study.now += timedelta(hours=13)
    study.refresh("bluesky")
    assert study.sql(kinds).rows() == [("like", 1), ("repost", 1)]
    with study.workspace() as workspace:
        key = workspace.key.pseudonym_key("bluesky")
    [edwin] = author_pseudonyms("bluesky", [made.did("edwin")], key=key)
    assert study.sql("select distinct actor_key from interaction_edge").rows() == [(edwin,)]
    with store.open_warehouse(study.place.folder / "warehouse.duckdb", now=study.now) as opened:
        assert all(count == 0 for _, count in store.run_checks(opened))
