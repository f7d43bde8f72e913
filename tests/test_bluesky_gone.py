"""What goes from Bluesky's own servers goes from the study, and what comes back comes back.

Whole passes against the real network: what an account did there is compared with what the
warehouse shows. Every test has accounts of its own.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.vault import open_vault
from tests.support.bluesky_network import BlueskyNetwork, Seeded
from tests.support.bluesky_study import bluesky_study
from tests.support.passes import Passes
from warehouse import store

pytestmark = pytest.mark.bluesky_network

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
    # an address for each of two accounts, the two records, the one account
    assert tally["requests_count"] == 1 + 1 + 1 + 4 + 2 + 2 + 1
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
