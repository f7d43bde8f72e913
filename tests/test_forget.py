"""Forgetting: who asks is gone from every store at once, stays out, and is never named."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from connectors.vault import count_pending, open_vault
from demo.model import Person, Post
from flows.forget import Forgotten, take_out
from flows.gate import is_free
from flows.publish import renew
from flows.removing import resume
from flows.rule_table import RULES
from flows.rules import Outcome as Ruling
from flows.rules import gathered
from flows.stores import open_stores
from flows.workspace import Workspace
from tests.support.appview_script import HANDLE, WRITER, scripted_appview
from tests.support.command import PORCH, Outcome
from tests.support.killed_forget import STEPS
from tests.support.passes import Passes, collected, copied, passes
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, Village, comment, submission, village
from tests.support.scanner import Names, scan
from transforms.pseudonymize import author_pseudonyms
from warehouse import store
from warehouse.corpus import open_corpus

MOSS = Person("reddit", "moss-lantern-7731", "t2_moss1", "", NOON - timedelta(days=900))
FERN = Person("reddit", "fern-harbour-2208", "t2_fern1", "", NOON - timedelta(days=700))
TAKEN = "the lantern by the weir went out again and nobody came to light it"
KEPT = "somebody mended the gate by the weir before the rain came on sunday"


def posts() -> list[Post]:
    """Two threads: each of the two opens one, and answers in the other's."""
    written = []
    for number, (opener, other) in enumerate(((MOSS, FERN), (FERN, MOSS))):
        root = by(submission(number, at=NOON - timedelta(hours=3 - number)), opener)
        answer = comment(number, under=root, at=NOON - timedelta(minutes=40 - number))
        written += [root, by(answer, other)]
    return written


def by(post: Post, person: Person) -> Post:
    """Let somebody have written a post, in words of their own."""
    words = TAKEN if person is MOSS else KEPT
    [wording] = post.wordings
    return replace(
        post, author=person, wordings=(replace(wording, text=f"{words}, {post.native_id[-1]}."),)
    )


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    with village(posts(), people=(MOSS, FERN)) as place:
        yield place


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, porch: Village) -> Passes:
    return collected(tmp_path_factory.mktemp("forget"), reddit=porch.url, now=NOON)


@pytest.fixture
def study(tmp_path: Path, whole: Passes, porch: Village) -> Passes:
    return copied(whole, tmp_path, reddit=porch.url)


def forget(study: Passes, *lines: str) -> Forgotten:
    """Forget as the verb does, without Prefect: rows, bytes, published file."""
    with study.workspace() as workspace:
        done = take_out(workspace, lines)
        clear_up(workspace)
    return done


def clear_up(workspace: Workspace) -> None:
    resume(workspace)
    store.compact(workspace.warehouse, now=workspace.now())
    renew(workspace)


def traces(study: Passes) -> Names:
    """What may be nowhere once Moss is forgotten: names, ids, pseudonym, runs of eight words."""
    with study.workspace() as workspace:
        key = workspace.key.pseudonym_key("reddit")
    words = TAKEN.split()
    shingles = [" ".join(words[n : n + 8]) for n in range(len(words) - 7)]
    mine = [post.native_id for post in posts() if post.author is MOSS]
    return Names((*author_pseudonyms("reddit", [MOSS.name], key=key), *shingles, MOSS.name, *mine))


def where(study: Passes) -> set[str]:
    """Name the study's files in which something of Moss is met."""
    return {found.path.name for found in scan([study.place.folder], traces(study))}


def shown(study: Passes) -> int:
    """Count the posts in the published file."""
    with open_corpus(study.place.folder / "published" / "corpus.duckdb") as corpus:
        [(count,)] = corpus.execute("select count(*) from post").fetchall()
        return int(count)


def left_in_vault(study: Passes) -> int:
    with (
        study.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        return vault.count()


@pytest.mark.prefect_server
def test_the_verb_takes_an_account_out_of_every_file(
    study: Passes, prefect_server: PrefectServer
) -> None:
    place = study.place.having(**prefect_server.environment())
    assert where(study) == {"warehouse.duckdb", "corpus.duckdb"}
    told = place.invoke("forget", "--json", given=f"u/{MOSS.name.upper()}\n").succeeds()
    counts = json.loads(told.out)
    assert (counts["accounts_count"], counts["removed_count"]) == (1, 2)
    assert MOSS.name not in told.said.lower()
    assert where(study) == set()
    assert (len(study.held()), shown(study), left_in_vault(study)) == (2, 2, 2)
    assert json.loads(place.invoke("status", "--json").succeeds().out)["clear_up"] == []
    study.collect()  # the platform still shows them
    assert len(study.held()) == 2
    lines = study.sql("select platform, reason, posts_count from removals_audit order by seq")
    assert lines.rows() == [("reddit", "opted_out", 2), ("study", "forget", 0)]


def test_an_account_that_came_back_is_found_by_the_rules(study: Passes) -> None:
    forget(study, f"u/{MOSS.name}")
    assert stays_out(study).verdict == "pass"
    with study.workspace() as workspace:
        key = workspace.key.pseudonym_key("reddit")
    [pseudonym] = author_pseudonyms("reddit", [MOSS.name], key=key)
    study.write(f"update landed.post_versions set author_pseudonym = '{pseudonym}'")
    found = stays_out(study)
    assert found.verdict == "fail"
    assert "1 accounts that were to stay out have posts here" in found.why


def stays_out(study: Passes) -> Ruling:
    """Apply R19."""
    [rule] = [rule for rule in RULES if rule.number == "R19"]
    with (
        study.workspace() as workspace,
        gathered(workspace, frozenset({"warehouse", "vault"})) as evidence,
    ):
        return rule.apply(evidence)


def test_forgetting_again_takes_nothing(study: Passes) -> None:
    forget(study, f"u/{MOSS.name}")
    before = study.place.table_hash()
    again = forget(study, f"u/{MOSS.name}")
    assert again.counts["removed_count"] == 0
    assert again.problem is None
    assert study.place.table_hash() == before


def test_a_post_goes_alone_and_what_answered_it_stays(study: Passes) -> None:
    root = posts()[0].native_id
    done = forget(study, f"https://www.reddit.com/r/QuietPorch/comments/{root[3:]}/a_note/")
    assert (done.counts["posts_named_count"], done.counts["removed_count"]) == (1, 1)
    study.collect()
    assert len(study.held()) == shown(study) == 3


def test_who_is_not_held_yet_stays_out(tmp_path: Path, porch: Village) -> None:
    study = passes(tmp_path, reddit=porch.url, now=NOON, sources=PORCH)
    assert forget(study, f"u/{FERN.name}").counts["removed_count"] == 0
    assert study.collect()["suppressed_count"] == 2  # and a thread that is not held is not read
    assert len(study.held()) == 1


def test_an_account_of_bluesky_stays_out_before_it_is_seen(tmp_path: Path) -> None:
    profiles = {"profiles": [{"did": WRITER, "handle": HANDLE}]}
    with scripted_appview(lambda _ask: profiles) as server:
        study = passes(tmp_path / "sky", bluesky=server.url, now=NOON, sources=PORCH)
        done = forget(study, f"https://bsky.app/profile/{HANDLE}", "@nobody.invented.example")
    assert done.unresolved == (2,)
    assert done.counts["accounts_count"] == 1
    with (
        study.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        assert vault.suppressed("bluesky", [], [WRITER]) == (set(), {WRITER})


def test_lines_that_cannot_be_done_keep_no_other_from_being_done(study: Passes) -> None:
    hostile = ["moss'; drop table landed.post_versions; --", "u/" + "m" * 65_536, "\u202eu/x\u0000"]
    lines = ["# asked on Monday", *hostile, "@moss.invented.example", "", f"u/{MOSS.name}"]
    done = forget(study, *lines)  # nobody answers where handles are resolved
    assert done.unreadable == (2, 3, 4)
    assert done.unresolved == (5,)
    assert done.counts["removed_count"] == 2
    assert done.problem is not None
    assert done.problem.exit_code == 1
    told = str(done.problem)
    assert "lines 2, 3, 4 hold no account" in told
    assert "line 5 holds a handle" in told
    assert "moss" not in told


@pytest.mark.parametrize(
    ("mode", "where_from", "words"),
    [
        (0o644, "outside", "readable by others"),
        (0o600, "inside", "inside the study"),
        (None, "outside", "does not exist"),
    ],
)
def test_a_file_of_names_must_be_private(
    study: Passes, tmp_path: Path, mode: int | None, where_from: str, words: str
) -> None:
    folder = study.place.folder if where_from == "inside" else tmp_path
    path = folder / "asked"
    if mode is not None:
        path.touch(mode)
        path.chmod(mode)
    study.place.invoke("forget", "--file", str(path)).refuses(2, "--file", words)
    assert len(study.held()) == 4


@pytest.mark.parametrize("step", STEPS)
def test_killed_on_the_way_the_next_run_completes_it(study: Passes, step: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_forget", step, str(study.place.folder)],
        input=f"u/{MOSS.name}",
        env=environment_of(study),
        text=True,
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert count_pending(study.place.folder / "vault.sqlite") == {"vault": 3, "warehouse": 3}.get(
        step, 0
    )
    assert where(study) != set()
    told = json.loads(study.place.invoke("status", "--json").succeeds().out)
    assert told["clear_up"] != []
    study.collect()  # nothing comes back meanwhile
    with study.workspace() as workspace:
        clear_up(workspace)
    assert where(study) == set()
    assert (len(study.held()), shown(study), left_in_vault(study)) == (2, 2, 2)
    counted = study.sql("select sum(posts_count) from removals_audit where reason = 'opted_out'")
    assert counted.item() == 2
    assert study.sql("select count(*) from post").item() == 2


def environment_of(study: Passes) -> dict[str, str]:
    return {**os.environ, **study.place.variables(), "CONFIDE_NOW": study.now.isoformat()}


def test_the_raw_bytes_go_from_a_warehouse_built_uncompressed(
    tmp_path: Path, porch: Village
) -> None:
    study = passes(tmp_path, reddit=porch.url, now=NOON, sources=PORCH)
    path = study.place.folder / "warehouse.duckdb"
    with store.open_warehouse(path, now=NOON, is_compressed=False):
        pass
    study.collect()
    shingle = " ".join(TAKEN.split()[:8]).encode()
    assert shingle in path.read_bytes()
    forget(study, f"u/{MOSS.name}")
    assert shingle not in path.read_bytes()
    assert " ".join(KEPT.split()[:8]).encode() in path.read_bytes()


def test_a_published_file_that_cannot_be_renewed_is_taken_away(study: Passes) -> None:
    study.write("update landed.post_versions set route = 'by the back door'")
    study.write("update landed.taken_back set reworded_count = taken_count + 1")
    with study.workspace() as workspace:
        take_out(workspace, [f"u/{MOSS.name}"])
        with pytest.raises(Exception, match="was taken away: nothing was published, since checks"):
            renew(workspace)
        assert not workspace.published.exists()
        assert renew(workspace) is False


def test_a_check_that_fails_keeps_no_removal_from_the_published_file(study: Passes) -> None:
    study.write("update landed.post_versions set route = 'by the back door'")
    forget(study, f"u/{MOSS.name}")
    assert where(study) == set()
    assert shown(study) == 2


def test_the_last_line_of_the_log_cannot_be_cut_off(study: Passes) -> None:
    forget(study, f"u/{MOSS.name}")
    assert said_by_check(study)[0] == "pass"
    study.write("delete from landed.removals_audit where seq = 2")
    assert said_by_check(study)[0] == "fail"
    assert said_by_check(study)[1].startswith("1 lines of the audit log were changed")


def said_by_check(study: Passes) -> tuple[str, str]:
    done: Outcome = study.place.invoke("check", "--json")
    [found] = [one for one in json.loads(done.out) if one["rule"] == "R29"]
    return found["verdict"], found["why"]


def test_nothing_more_comes_from_the_page_of_who_was_forgotten(study: Passes) -> None:
    forget(study, f"u/{MOSS.name}")
    pages = ["u_Moss-Lantern-7731", f"u_{FERN.name}", "QuietPorch"]
    rows = pl.DataFrame({"venue": pages}).with_columns(
        platform=pl.lit("reddit"),
        native_id=pl.lit("t1_w90000"),
        author=pl.lit("reed-passing-0412"),
    )
    with study.workspace() as workspace, open_stores(workspace) as stores:
        assert is_free(stores.vault, rows).to_list() == [False, True, True]
