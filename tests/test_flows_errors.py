"""Bad input: one sentence that names place, rule and remedy, the right exit code, nothing lost.

Every case works on a copy of a study that collected once. After the refusal its rows are as they
were; mended and run again, it holds what a study holds that nothing befell.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import duckdb
import pytest
from filelock import FileLock

from demo.faults import Fault
from demo.model import Community, VenueState
from demo.reddit_server import reddit_app
from demo.serve import serving
from flows.label_studio import PROGRAM_VARIABLE
from flows.workspace import KEY_COMMAND_VARIABLE, KEY_VARIABLE, REDDIT_VARIABLES
from tests.support.appview_script import Ask, entry, refused, scripted_appview, view
from tests.support.command import NOWHERE, PORCH, Outcome, Place, outcome, place
from tests.support.ports import free_port
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import (
    NOON,
    VENUE,
    WRITER,
    Village,
    minutely,
    submission,
    village,
)

pytestmark = pytest.mark.prefect_server

EARLIER = NOON - timedelta(minutes=4, seconds=30)
SECRETS = (WRITER.name, "boards creaked", "t3_v0", "moss-lantern", "Moss L.", "did:plc")
APPROVED = """
[policy.ethics]
protocol = "invented"
impact_assessment = "invented"
notice_url = "https://notice.example"
expires = 2099-01-01
"""


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    """Serve a subreddit of eight posts a minute apart."""
    with village(minutely(8, until=NOON)) as opened:
        yield opened


@pytest.fixture(scope="module")
def template(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer, porch: Village
) -> Place:
    """Make a study that collected four minutes ago, when four posts were there."""
    made = place(tmp_path_factory.mktemp("template"), **prefect_server.environment())
    made.write_study(reddit=porch.url)
    porch.now = EARLIER
    told = made.having(CONFIDE_NOW=EARLIER.isoformat()).invoke("collect", "--json").succeeds()
    assert json.loads(told.out)["porch"]["new_count"] == 4
    porch.now = NOON
    return made


@pytest.fixture(scope="module")
def undisturbed(template: Place, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sum up a study that collected again, and nothing befell it."""
    made = copied(template, tmp_path_factory.mktemp("undisturbed"))
    told = made.invoke("collect", "--json").succeeds()
    assert json.loads(told.out)["porch"]["new_count"] == 4
    return made.table_hash()


@pytest.fixture
def study(template: Place, tmp_path: Path) -> Place:
    """Copy the study that collected once."""
    return copied(template, tmp_path)


def copied(template: Place, root: Path) -> Place:
    """Copy a study and its key, while nothing works on them."""
    shutil.copytree(template.folder, root / template.folder.name)
    shutil.copytree(template.config, root / template.config.name)
    return replace(template, folder=root / template.folder.name, config=root / template.config.name)


def nameless(told: Outcome) -> None:
    """Assert that neither a post's words nor a name were said."""
    assert not [secret for secret in SECRETS if secret in told.said]


@dataclass(frozen=True)
class Case:
    """A way to spoil a study, and what the command must say of it."""

    name: str
    spoil: Callable[[Place], Place]
    code: int
    words: tuple[str, ...]
    verb: tuple[str, ...] = ("collect",)


def edited(old: str, new: str) -> Callable[[Place], Place]:
    """Spoil study.toml."""

    def spoil(study: Place) -> Place:
        path = study.folder / "study.toml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
        return study

    return spoil


def half_a_login(study: Place) -> Place:
    search = '[[source]]\nname = "seek"\nkind = "bluesky_search"\nquery = "porch"\n'
    return edited(PORCH, search)(study).having(CONFIDE_BLUESKY_HANDLE="porch.invented.example")


def key_readable_by_others(study: Place) -> Place:
    study.key_file.chmod(0o644)
    return study


def key_gone(study: Place) -> Place:
    study.key_file.unlink()
    return study


def key_in_the_study(study: Place) -> Place:
    return replace(study, config=Path(shutil.copytree(study.config, study.folder / "inside")))


def key_too_short(study: Place) -> Place:
    study.key_file.write_text("a1b2c3\n", "ascii")
    return study


def vault_open_to_others(study: Place) -> Place:
    (study.folder / "vault.sqlite").chmod(0o644)
    return study


def vault_is_none(study: Place) -> Place:
    (study.folder / "vault.sqlite").write_bytes(b"no vault" * 512)
    return study


def live(study: Place) -> Place:
    path = study.folder / "study.toml"
    text = path.read_text("utf-8").split("[platforms.reddit]")[0]
    text = text.replace("allow_loopback = true", "")
    path.write_text(text + PORCH, "utf-8")
    return study


def live_now(study: Place) -> Place:
    return live(study).without("CONFIDE_NOW")


def live_with_ethics_alone(study: Place) -> Place:
    spoilt = live_now(study)
    path = spoilt.folder / "study.toml"
    path.write_text(path.read_text("utf-8") + APPROVED, "utf-8")
    return spoilt


CASES = [
    Case(
        "a misspelt key",
        edited("since =", "sinse ="),
        2,
        ("study.toml, line 3", "study.sinse is not a key of a study", "remove or respell"),
    ),
    Case(
        "a value of the wrong type",
        edited("allow_loopback = true", 'allow_loopback = "perhaps"'),
        2,
        ("study.toml, line 6", "policy.allow_loopback"),
    ),
    Case("no TOML", edited("[policy]", "[policy"), 2, ("study.toml is not valid TOML", "line 5")),
    Case(
        "a looser rule without a reason",
        edited("[policy]", "[policy]\nminimum_age_days = 1"),
        2,
        ("study.toml, line 6", "policy.minimum_age_days", "policy.reasons.minimum_age_days"),
    ),
    Case(
        "loopback where it is not allowed",
        edited("allow_loopback = true", "allow_loopback = false"),
        2,
        ("platforms.reddit.url is a loopback address", "allow_loopback"),
    ),
    Case(
        "a key file that others can read",
        key_readable_by_others,
        2,
        ("porch-study.key", "chmod 600"),
    ),
    Case("no key file", key_gone, 2, ("porch-study.key does not exist", "openssl rand -hex 32")),
    Case("a key inside the study", key_in_the_study, 2, ("lies inside the study", "move it out")),
    Case("a short key", key_too_short, 2, ("6 characters", "64 hexadecimal digits")),
    Case(
        "a short key in the environment",
        lambda study: study.having(**{KEY_VARIABLE: "a1b2"}),
        2,
        ("4 characters", "64 hexadecimal digits"),
    ),
    Case(
        "a key command that fails",
        lambda study: study.having(**{KEY_COMMAND_VARIABLE: "exit 4"}),
        2,
        (KEY_COMMAND_VARIABLE, "mend it"),
    ),
    Case(
        "the vault of another key",
        lambda study: study.having(**{KEY_VARIABLE: "5f" * 32}),
        2,
        ("vault.sqlite was sealed with another key",),
    ),
    Case("a vault that others can read", vault_open_to_others, 2, ("vault.sqlite", "chmod 600")),
    Case("a vault that is none", vault_is_none, 2, ("vault.sqlite",)),
    Case(
        "no client id",
        lambda study: study.without(REDDIT_VARIABLES[0]),
        2,
        (REDDIT_VARIABLES[0], "is not set", "export"),
    ),
    Case(
        "no client secret",
        lambda study: study.without(REDDIT_VARIABLES[1]),
        2,
        (REDDIT_VARIABLES[1], "is not set", "export"),
    ),
    Case(
        "credentials that were revoked",
        lambda study: study.having(**{REDDIT_VARIABLES[1]: "revoked"}),
        1,
        ("porch: Reddit does not accept the credentials", "check"),
    ),
    Case(
        "a source that the study has not",
        lambda study: study,
        2,
        ("no source is called poarch", "there are porch"),
        ("collect", "poarch"),
    ),
    Case(
        "no source at all",
        edited(PORCH, ""),
        2,
        ("no [[source]]", "study.toml"),
    ),
    Case(
        "half a log-in for a search",
        half_a_login,
        2,
        ("CONFIDE_BLUESKY_PASSWORD is not set", "both or neither"),
    ),
    Case("a live source without a record", live_now, 3, ("source porch", "R5", "[policy.ethics]")),
    Case(
        "a live source without its platform's approval",
        live_with_ethics_alone,
        3,
        ("source porch", "R1", "[platforms.reddit.approval]"),
    ),
    Case("a set clock in a live study", live, 3, ("CONFIDE_NOW is set", "unset it")),
    Case(
        "a clock that shows no time",
        lambda study: study.having(CONFIDE_NOW="teatime"),
        2,
        ("CONFIDE_NOW is not an ISO instant", "2026-03-20T12:00:00Z"),
    ),
    Case(
        "Label Studio not installed",
        lambda study: study.having(**{PROGRAM_VARIABLE: "/nowhere/label-studio"}),
        2,
        ("Label Studio is not installed", "make .venv-label-studio/.ok"),
        ("label-studio", "start"),
    ),
    Case(
        "SQL before anything is published",
        lambda study: study,
        2,
        ("corpus.duckdb does not exist", "confide publish"),
        ("sql", "select 1"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_one_sentence_and_loses_nothing(
    study: Place, case: Case, undisturbed: str
) -> None:
    before = study.table_hash()
    intact = shutil.copytree(study.folder, study.folder.with_name("intact"))
    keys = shutil.copytree(study.config, study.folder.with_name("keys"))
    told = case.spoil(study).invoke(*case.verb)
    told.refuses(case.code, *case.words)
    nameless(told)
    assert study.table_hash() == before
    for name in ("study.toml", "vault.sqlite"):
        shutil.copy2(intact / name, study.folder / name)
    shutil.copytree(keys, study.config, dirs_exist_ok=True)
    study.invoke("collect").succeeds()
    assert study.table_hash() == undisturbed


def test_where_there_is_no_study_nothing_is_written(template: Place, tmp_path: Path) -> None:
    empty = replace(template, folder=tmp_path / "empty")
    empty.folder.mkdir()
    for verb in ("collect", "refresh", "draw", "publish", "status", "check", "verdicts"):
        told = empty.invoke(verb)
        told.refuses(2, "study.toml does not exist", "--study", "confide init DIR")
    assert not list(empty.folder.iterdir())


def test_a_process_says_the_same_as_the_function(study: Place, undisturbed: str) -> None:
    study.key_file.chmod(0o644)
    before = study.table_hash()
    told = study.run("collect")
    told.refuses(2, "porch-study.key", "chmod 600")
    assert study.table_hash() == before
    study.key_file.chmod(0o600)
    study.run("collect").succeeds()
    assert study.table_hash() == undisturbed


@pytest.mark.parametrize("state", ["private", "banned", "quarantined"])
def test_a_closed_subreddit_is_named_and_the_others_are_read(
    study: Place, undisturbed: str, state: VenueState
) -> None:
    closed = replace(VENUE, name="ClosedPorch", state=state)
    two = '[[source]]\nname = "closed"\nkind = "reddit"\nsubreddit = "ClosedPorch"\n\n' + PORCH
    both = Community(
        seed=1,
        since=NOON - timedelta(days=60),
        until=NOON + timedelta(days=60),
        people=(WRITER,),
        venues=(VENUE, closed),
        posts=tuple(minutely(8, until=NOON)),
        duplicates=(),
        blocks=(),
        likes=(),
        reposts=(),
        effects={},
        strings=(),
    )
    with serving(reddit_app(both, lambda: NOON)) as url:
        study.write_study(reddit=url, sources=two)
        told = study.invoke("collect")
    told.refuses(1, "closed: the subreddit is")
    nameless(told)
    assert study.table_hash() == undisturbed


def test_malformed_posts_are_set_aside_counted_and_shown(study: Place, undisturbed: str) -> None:
    odd = [
        submission(50, at=NOON - timedelta(seconds=150), distortions={"created_utc": "teatime"}),
        submission(51, at=NOON - timedelta(seconds=140), distortions={"selftext": 17}),
    ]
    with village([*minutely(8, until=NOON), *odd]) as spoilt:
        study.write_study(reddit=spoilt.url)
        told = study.invoke("collect", "--json").succeeds()
    counts = json.loads(told.out)["porch"]
    assert (counts["new_count"], counts["set_aside_count"]) == (4, 2)
    status = study.invoke("status").succeeds()
    assert "Items set aside, by rule" in status.out
    shown = json.loads(study.invoke("status", "--json").succeeds().out)["set_aside"]
    assert sum(row["items_count"] for row in shown) == 2
    for said in (told, status):
        nameless(said)
    assert "teatime" not in status.said
    assert study.table_hash() == undisturbed


def test_one_stumble_of_a_platform_is_not_told(study: Place, undisturbed: str) -> None:
    with village(minutely(8, until=NOON)) as stumbling:
        stumbling.faults.arm(Fault("not_json"), nth=2)
        study.write_study(reddit=stumbling.url)
        study.invoke("collect").succeeds()
    assert study.table_hash() == undisturbed
    [run] = json.loads(study.invoke("status", "--json").succeeds().out)["runs"]
    assert run["status"] == "completed"


ACCOUNTS = """[[source]]
name = "accounts"
kind = "bluesky_author"
authors_file = "{path}"
"""


def test_a_file_of_names_must_be_private_outside_and_there(study: Place, undisturbed: str) -> None:
    outside, inside = study.config / "authors", study.folder / "authors"
    for path in (outside, inside):
        path.touch(mode=0o600)
        path.write_text("did:plc:wr1terwr1terwr1terwr1ter\n", "utf-8")
    outside.chmod(0o644)
    before = study.table_hash()
    for path, word in (
        (outside, "readable by others: chmod 600"),
        (inside, "inside the study: move it out"),
        (study.config / "none", "does not exist: create it, mode 0600"),
    ):
        study.write_study(sources=ACCOUNTS.format(path=path))
        told = study.invoke("collect")
        told.refuses(2, "source accounts: its file of names", word)
        nameless(told)
        assert study.table_hash() == before


def test_an_account_that_closed_does_not_end_the_pass(study: Place) -> None:
    names = study.config / "authors"
    names.touch(mode=0o600)
    names.write_text("did:plc:wr1terwr1terwr1terwr1ter\ndid:plc:0ther0ther0ther0ther0the\n")

    def answer(ask: Ask) -> object:
        if ask.method == "getProfiles":
            return {"profiles": [{"did": did} for did in ask.params["actors"]]}
        if ask.one("actor") == "did:plc:0ther0ther0ther0ther0the":
            return refused(400, "AccountTakedown")
        return {"feed": [entry(view("one", at=NOON - timedelta(hours=1)))]}

    with scripted_appview(answer) as appview:
        study.write_study(bluesky=appview.url, sources=ACCOUNTS.format(path=names))
        told = study.invoke("collect", "--json").succeeds()
        assert json.loads(told.out)["accounts"]["new_count"] == 1
        names.write_text("did:plc:0ther0ther0ther0ther0the\n")
        gone = study.invoke("collect")
    gone.refuses(1, "source accounts: none of its 1 accounts can be read", "file of names")
    for said in (told, gone):
        nameless(said)


def test_a_warehouse_open_elsewhere_is_said_and_left_alone(study: Place, undisturbed: str) -> None:
    before = study.table_hash()
    with duckdb.connect(study.folder / "warehouse.duckdb"):
        study.run("collect").refuses(1, "warehouse.duckdb is open in another program", "close it")
    assert study.table_hash() == before
    study.invoke("collect").succeeds()
    assert study.table_hash() == undisturbed


def test_bad_sql_is_told_in_one_sentence(study: Place) -> None:
    study.invoke("publish").succeeds()
    study.invoke("sql", "selekt 1").refuses(2, "the statement does not run", "Parser Error")
    study.invoke("sql", "select * from posties").refuses(2, "posties")
    study.invoke("sql", "create table mine (a int)").refuses(2, "read-only")
    [row] = json.loads(study.invoke("sql", "select count(*) n from post", "--json").succeeds().out)
    assert row == {"n": 4}
    (study.folder / "published" / "corpus.duckdb").write_bytes(b"not a database" * 64)
    study.invoke("sql", "select 1").refuses(2, "corpus.duckdb cannot be read", "publish it again")
    study.invoke("publish").succeeds()
    assert study.invoke("sql", "select 1 a", "--json").succeeds().out == '[{"a": 1}]\n'


@dataclass(frozen=True)
class Waiting:
    """A command that is still trying, and what it must say in the end."""

    name: str
    words: tuple[str, ...]
    spoil: Callable[[ExitStack, Place], None]
    verb: str = "collect"


def down(_stack: ExitStack, study: Place) -> None:
    study.write_study(reddit=f"http://127.0.0.1:{free_port()}")


def failing(fault: Fault) -> Callable[[ExitStack, Place], None]:
    def spoil(stack: ExitStack, study: Place) -> None:
        opened = stack.enter_context(village(minutely(8, until=NOON)))
        opened.faults.arm(fault, nth=1, times=100)
        study.write_study(reddit=opened.url)

    return spoil


def locked(stack: ExitStack, study: Place) -> None:
    stack.enter_context(FileLock(study.folder / "warehouse.duckdb.lock"))


WAITING = [
    Waiting("a platform that is down", ("porch: Reddit cannot be reached", "try again"), down),
    Waiting(
        "a platform that fails",
        ("porch: Reddit fails at its end (HTTP 503)", "try again later"),
        failing(Fault("status", 503)),
    ),
    Waiting(
        "a platform that is busy",
        ("porch: Reddit asks to slow down (HTTP 429)", "try again in 1 seconds"),
        failing(Fault("status", 429, retry_after="1")),
    ),
    Waiting(
        "a warehouse that another flow holds",
        ("warehouse.duckdb is busy", "let it finish"),
        locked,
        verb="status",
    ),
]


@dataclass(frozen=True)
class Begun:
    """A command that waits, the study it works on, and what that held before."""

    hindrance: ExitStack
    process: Popen[str]
    study: Place
    before: str


@pytest.fixture(scope="module", autouse=True)
def begun(template: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Begun]]:
    """Start all that wait before the first test, since waiting is what they do."""
    processes: dict[str, Begun] = {}
    with ExitStack() as stack:
        for case in WAITING:
            study = copied(template, tmp_path_factory.mktemp("waiting"))
            before = study.table_hash()
            hindrance = stack.enter_context(ExitStack())
            case.spoil(hindrance, study)
            process = stack.enter_context(study.start(case.verb))
            stack.callback(process.kill)  # what no test waited for
            processes[case.name] = Begun(hindrance, process, study, before)
        yield processes


@pytest.mark.parametrize("case", WAITING, ids=lambda case: case.name)
def test_what_stays_unavailable_is_told_after_some_tries(
    begun: dict[str, Begun], porch: Village, undisturbed: str, case: Waiting
) -> None:
    end = begun[case.name]
    told = outcome(end.process)
    told.refuses(1, *case.words)
    nameless(told)
    end.hindrance.close()
    assert end.study.table_hash() == end.before
    end.study.write_study(reddit=porch.url)
    end.study.invoke("collect").succeeds()
    assert end.study.table_hash() == undisturbed


def test_a_platform_that_is_down_keeps_no_other_from_being_read(
    study: Place, porch: Village
) -> None:
    names = study.config / "authors"
    names.touch(mode=0o600)
    names.write_text("did:plc:wr1terwr1terwr1terwr1ter\n")
    study.write_study(
        reddit=porch.url, bluesky=NOWHERE, sources=ACCOUNTS.format(path=names) + PORCH
    )
    told = study.invoke("collect")
    told.refuses(1, "accounts: Bluesky cannot be reached", "try again later")
    runs = json.loads(study.invoke("status", "--json").succeeds().out)
    assert {run["source"]: run["status"] for run in runs["runs"]} == {
        "accounts": "failed",
        "porch": "completed",
    }
    assert runs["posts"] == [{"platform": "reddit", "posts_count": 8, "roots_count": 8}]


@pytest.mark.parametrize("verb", ["push", "pull", "agree"])
def test_a_round_that_nobody_drew_is_bad_input(study: Place, verb: str) -> None:
    study.write_study()
    told = study.invoke(verb, "--round", "R7")
    told.refuses(2, "never drawn", "none yet", "run draw first")


def test_a_round_is_named_by_letters_and_digits(study: Place) -> None:
    study.write_study()
    study.invoke("draw", "--round", "R 9/../x").refuses(2, "letters, digits and dashes")
    for name in ("quiz", "R1-b"):
        study.invoke("draw", "--round", name).refuses(2, name, "blind repeats", "choose another")
