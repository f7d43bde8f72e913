"""What goes from Bluesky's own servers goes from the study, and what comes back comes back.

Whole passes against the real network: what an account did there is compared with what the
warehouse shows. Every test has accounts of its own.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.vault import open_vault
from flows.check import check
from flows.status import status
from tests.support.bluesky_network import BlueskyNetwork, Seeded
from tests.support.bluesky_study import bluesky_study
from tests.support.passes import Passes
from warehouse import store

pytestmark = [pytest.mark.bluesky_network, pytest.mark.usefixtures("hasty_streams")]

DAY = timedelta(days=1)


def post(author: str, text: str, **more: Any) -> dict[str, Any]:
    return {"op": "post", "author": author, "text": text, "id": f"{author}-{text}"} | more


def act(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op} | more


def follow(folder: Path, network: BlueskyNetwork, made: Seeded, *names: str) -> Passes:
    return bluesky_study(folder, network, [made.did(name) for name in names])


def shown(study: Passes) -> list[str]:
    return study.sql("select text_masked from post order by 1")["text_masked"].to_list()


def held(study: Passes) -> int:
    return len(study.held())


def reasons(study: Passes) -> dict[str, int]:
    rows = study.sql("select reason, posts_count from removals_audit").rows()
    return {str(reason): int(count) for reason, count in rows}


def checked(study: Passes) -> None:
    """Assert that every check of the warehouse passes."""
    path = study.place.folder / "warehouse.duckdb"
    with store.open_warehouse(path, now=study.now) as warehouse:
        assert [name for name, count in store.run_checks(warehouse) if count] == []


def remembered(study: Passes) -> int:
    with (
        study.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        return vault.count()


def test_an_account_s_states_hide_its_posts_and_bring_them_back(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(post("goadele", "first"), post("goadele", "second"),
                                post("goberta", "stays"))  # fmt: skip
    study = follow(tmp_path, bluesky_network, made, "goadele", "goberta")
    assert study.collect("accounts")["new_count"] == 3
    assert study.collect("words")["new_count"] == 0
    bluesky_network.seed(act("deactivate", author="goadele"))
    study.now = datetime.now(UTC)
    tally = study.collect("words")
    assert (tally["hidden_count"], tally["removed_count"]) == (2, 0)
    assert (shown(study), held(study)) == (["stays"], 3)
    checked(study)
    bluesky_network.seed(act("activate", author="goadele"))
    study.now = datetime.now(UTC)
    assert study.collect("words")["returned_count"] == 2
    assert shown(study) == ["first", "second", "stays"]
    assert reasons(study) == {}
    bluesky_network.seed(act("delete_account", author="goadele"))
    study.now = datetime.now(UTC)
    assert study.collect("words")["removed_count"] == 2
    assert (shown(study), held(study), remembered(study)) == (["stays"], 1, 1)
    assert reasons(study) == {"account_deleted": 2}
    checked(study)


@pytest.mark.long
def test_a_closed_account_s_posts_wait_for_its_return_when_they_are_looked_at(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    """The event was lost: nobody told the stream. The look finds out, hides, and looks on."""
    made = bluesky_network.seed(
        post("gocarla", "one"), post("gocarla", "two"), post("godunja", "three")
    )
    study = follow(tmp_path, bluesky_network, made, "gocarla", "godunja")
    study.collect("accounts")
    bluesky_network.seed(act("deactivate", author="gocarla"))
    study.now += DAY
    tally = study.refresh("bluesky")
    assert (tally["hidden_count"], tally["removed_count"]) == (2, 0)
    assert (shown(study), held(study)) == (["three"], 3)
    study.now += timedelta(hours=2)
    assert study.refresh("bluesky")["requests_count"] == 0  # what is hidden waits for the recheck
    study.now += DAY
    assert study.refresh("bluesky")["removed_count"] == 0  # still closed: nothing is final
    bluesky_network.seed(act("activate", author="gocarla"))
    study.now += DAY
    assert study.refresh("bluesky")["returned_count"] == 2
    assert shown(study) == ["one", "three", "two"]
    bluesky_network.seed(act("deactivate", author="gocarla"))
    study.now += DAY
    study.refresh("bluesky")
    study.now += 31 * DAY
    assert study.refresh("bluesky")["removed_count"] == 2
    assert (shown(study), held(study), remembered(study)) == (["three"], 1, 1)
    assert reasons(study) == {"account_inactive": 2}
    checked(study)


def test_what_is_missing_is_told_apart_by_asking(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(
        post("goelena", "kept"), post("goelena", "deleted"), post("goelena", "taken"),
        post("gofrida", "closed"), post("gogerda", "gone"), post("goheidi", "down"),
        post("goilona", "down too"),
    )  # fmt: skip
    names = ("goelena", "gofrida", "gogerda", "goheidi", "goilona")
    study = follow(tmp_path, bluesky_network, made, *names)
    assert study.collect("accounts")["new_count"] == 7
    bluesky_network.seed(
        act("delete", subject="goelena-deleted"),
        act("takedown", subject="goelena-taken"),
        act("deactivate", author="gofrida"),
        act("delete_account", author="gogerda"),
        act("takedown", author="goheidi"),
        act("takedown", author="goilona", at=["pds"]),
    )
    study.now += DAY
    tally = study.refresh("bluesky")
    assert (tally["removed_count"], tally["hidden_count"]) == (3, 3)
    assert shown(study) == ["kept"]
    assert reasons(study) == {"account_deleted": 1, "deleted_by_author": 1, "taken_down": 1}
    hidden = study.sql("select status from landed.hidden_authors order by all")["status"].to_list()
    assert hidden == ["deactivated", "takendown", "takendown"]
    # seven posts once, six missing once more, five accounts by the 25, four of them one by one;
    # an address for each of two accounts, the two records, the one account; last, the wishes of
    # the one account that is left; a busy machine's network may have one asked again
    assert tally["requests_count"] - (1 + 1 + 1 + 4 + 2 + 2 + 1 + 2) in {0, 1}
    checked(study)
    study.now += DAY
    bluesky_network.seed(
        act("takedown", author="goheidi", applied=False),
        act("takedown", author="goilona", at=["pds"], applied=False),
        act("activate", author="gofrida"),
    )
    assert study.refresh("bluesky")["returned_count"] == 3
    assert shown(study) == ["closed", "down", "down too", "kept"]
    assert study.collect("accounts")["new_count"] == 0  # what was deleted or taken down stays out
    checked(study)


def delete_unseen(network: BlueskyNetwork, made: Seeded, name: str) -> None:
    """Delete a post at its own server without waiting for the rest of the network."""
    did, rkey = made.uri(name)[5:].split("/")[::2]
    account = next(one for one in made.accounts.values() if one["did"] == did)
    with httpx.Client(base_url=f"{network.addresses['pds']}/xrpc/") as pds:
        login = {"identifier": account["handle"], "password": account["password"]}
        session = pds.post("com.atproto.server.createSession", json=login).json()
        pds.post(
            "com.atproto.repo.deleteRecord",
            json={"repo": did, "collection": "app.bsky.feed.post", "rkey": rkey},
            headers={"authorization": f"Bearer {session['accessJwt']}"},
        ).raise_for_status()


@pytest.mark.long
def test_what_was_deleted_before_it_was_seen_stays_out_though_the_index_lags(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(post("golaggy", "one"), post("golaggy", "two"))
    study = follow(tmp_path, bluesky_network, made, "golaggy")
    bluesky_network.forget_events()  # the stream has nothing of these posts to tell
    study.now = datetime.now(UTC)
    bluesky_network.control.post("/appview/pause").raise_for_status()
    try:
        delete_unseen(bluesky_network, made, "golaggy-one")
        study.now = datetime.now(UTC) + timedelta(seconds=2)  # the stream is some moments behind
        tally = study.collect("words")
        assert (tally["new_count"], tally["gone_count"]) == (0, 1)
        tally = study.collect("accounts")  # the AppView still shows both
        assert (tally["new_count"], tally["suppressed_count"]) == (1, 1)
    finally:
        bluesky_network.control.post("/appview/resume").raise_for_status()
    assert shown(study) == ["two"]
    bluesky_network.seed(act("settle"))


@pytest.mark.long
def test_a_post_whose_delete_was_never_told_is_gone_within_the_deadline(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(post("golostia", "kept"), post("golostia", "lost"))
    study = follow(tmp_path, bluesky_network, made, "golostia")
    study.collect("accounts")
    bluesky_network.seed(act("delete", subject="golostia-lost"))
    bluesky_network.forget_events()
    study.now = datetime.now(UTC)
    began = study.now
    assert study.collect("words")["removed_count"] == 0
    assert shown(study) == ["kept", "lost"]
    looked = []
    while shown(study) == ["kept", "lost"]:  # a refresh every hour, as a schedule has it
        study.now += timedelta(hours=1)
        looked.append(study.refresh("bluesky")["requests_count"])
        assert study.now - began <= timedelta(hours=24)  # R15
    assert reasons(study) == {"deleted_by_author": 1}
    assert study.now - began <= timedelta(hours=12)
    study.now += timedelta(hours=25)
    with study.workspace() as workspace:
        [due] = status(workspace.directory)["due"]
        assert (due["posts"], due["overdue"]) == (1, 1)
        [finding] = [one for one in check(workspace.directory) if one.rule == "R15"]
        assert (finding.verdict, finding.why[:19]) == ("fail", "1 posts on bluesky ")
    study.refresh("bluesky")
    with study.workspace() as workspace:
        assert status(workspace.directory)["due"][0]["overdue"] == 0


def declaration(**wishes: bool) -> dict[str, Any]:
    told = {wish: {"allow": value, "updatedAt": "2026-01-20T10:00:00Z"}
            for wish, value in wishes.items()}  # fmt: skip
    return {"$type": "org.user-intents.declaration", "updatedAt": "2026-01-20T10:00:00Z"} | told


def test_wishes_are_asked_for_heard_and_obeyed(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    place = {"collection": "org.user-intents.declaration", "rkey": "self"}
    made = bluesky_network.seed(
        post("gowilla", "share me"), post("gonilla", "share me not"), post("gosilla", "silent"),
        act("record", author="gowilla", id="yes", record=declaration(bulkDataset=True), **place),
    )  # fmt: skip
    names = ("gowilla", "gonilla", "gosilla")
    study = follow(tmp_path, bluesky_network, made, *names)
    study.collect("accounts")
    study.refresh("bluesky")
    assert shared(study) == ["share me"]
    refusal = declaration(bulkDataset=False, syntheticContentGeneration=False)
    bluesky_network.seed(act("record", author="gonilla", id="no", record=refusal, **place))
    study.now = datetime.now(UTC)
    study.collect("words")
    told = study.sql("select wish, value, n_authors from wishes where value <> 'undeclared'")
    assert sorted(told.rows()) == [
        ("bulkDataset", "allow", 1),
        ("bulkDataset", "disallow", 1),
        ("syntheticContentGeneration", "disallow", 1),
    ]
    bluesky_network.seed(act("delete", subject="yes"))
    study.now = datetime.now(UTC)
    study.collect("words")
    assert shared(study) == []  # a yes that is taken back is none
    checked(study)


def shared(study: Passes) -> list[str]:
    path, keys_held = study.place.folder / "warehouse.duckdb", study.held()
    with store.open_warehouse(path, now=study.now) as warehouse:
        keys = store.may_share(warehouse, keys_held)
        rows = warehouse.execute("select post_key, text_masked from post order by 2")
    return [text for key, text in rows if key in keys]


def test_who_wants_signed_in_readers_only_is_left_out_until_they_do_not(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    made = bluesky_network.seed(
        act("profile", author="goshyla", id="shy"), post("goshyla", "for all"),
        post("gobolda", "loud"),
    )  # fmt: skip
    study = follow(tmp_path, bluesky_network, made, "goshyla", "gobolda")
    assert study.collect("accounts")["new_count"] == 2
    label = {"$type": "com.atproto.label.defs#selfLabels",
             "values": [{"val": "!no-unauthenticated"}]}  # fmt: skip
    bluesky_network.seed(act("put", author="goshyla", subject="shy", record={"labels": label}))
    study.now = datetime.now(UTC)
    assert study.collect("words")["removed_count"] == 1
    assert (shown(study), held(study)) == (["loud"], 1)
    assert study.collect("accounts")["gone_count"] == 1
    bluesky_network.seed(act("put", author="goshyla", subject="shy", record={}))
    study.now = datetime.now(UTC)
    assert study.collect("accounts")["new_count"] == 1
    assert shown(study) == ["for all", "loud"]


@pytest.mark.long
def test_dates_that_cannot_be_true_are_collected_as_such(
    tmp_path: Path, bluesky_network: BlueskyNetwork
) -> None:
    claims = ("1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
              "9999-12-31T23:59:59Z", "2024-02-30T10:00:00Z")  # fmt: skip
    made = bluesky_network.seed(
        *(post("godata", f"claim {n}", created_at=claim) for n, claim in enumerate(claims)),
        post("godata", "a true date"),
    )
    study = follow(tmp_path, bluesky_network, made, "godata")
    tally = study.collect("accounts")
    told = study.sql("select year(created_at), is_created_at_plausible from post order by 1").rows()
    assert told == [(1, False), (1970, False), (2026, True), (2031, False), (9999, False)]
    assert tally["set_aside_count"] <= 1  # 30 February: aside where the AppView lets it through
    assert study.collect("words")["new_count"] == 0
    assert len(study.held()) == len(set(study.held())) == 5
    checked(study)
