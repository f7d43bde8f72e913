"""What the command line says of itself, and the verbs that need no platform."""

import json
import stat
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from flows.cli import app
from flows.tables import as_table
from schema.errors import BadInput
from tests.support.command import (
    NOWHERE,
    Outcome,
    Place,
    environment,
    outcome,
    place,
    start,
)
from warehouse.corpus import open_corpus, query

GOLDEN = Path(__file__).parent / "golden" / "help.txt"
VERBS: dict[tuple[str, ...], str] = {
    ("demo",): "invented community",
    ("init",): "commented study",
    ("check",): "policy rules",
    ("collect",): "where the last pass",
    ("stream",): "SIGTERM",
    ("backfill",): "exported tables",
    ("refresh",): "removals",
    ("forget",): "keep them out",
    ("retain",): "policy allows",
    ("backup",): "sealed file",
    ("restore",): "removed since",
    ("shred",): "destroy vault",
    ("draw",): "stratified",
    ("coders",): "shown once",
    ("push",): "Label Studio",
    ("pull",): "coders submitted",
    ("agree",): "alpha",
    ("adjudicate",): "rulings",
    ("round",): "coding round",
    ("publish",): "verdicts",
    ("verdicts",): "claims",
    ("report",): "one page with plots",
    ("sql",): "read-only",
    ("scrub",): "numbers",
    ("dedup",): "earlier row",
    ("agreement",): "interval",
    ("status",): "gaps",
    ("up",): "schedules",
    ("codebook", "lint"): "codebook",
    ("codebook", "show"): "codebook",
    ("codebook", "diff"): "versions",
    ("label-studio", "start"): "loopback",
    ("label-studio", "stop"): "Label Studio",
}


@pytest.fixture
def here(tmp_path: Path) -> Place:
    """Return the place of a study that is not written yet."""
    return place(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """Look for keys in a folder of the test's own."""
    with environment({"XDG_CONFIG_HOME": str(tmp_path / "config")}):
        yield tmp_path / "config" / "confide"


def say(*arguments: str) -> Outcome:
    """Run the command inside this process."""
    with environment({"COLUMNS": "100", "TERMINAL_WIDTH": "100"}):
        done = CliRunner().invoke(app, list(arguments), prog_name="confide")
    return Outcome(done.exit_code, done.stdout, done.stderr)


PLC_NEAR = f'[platforms.bluesky]\nplc = "{NOWHERE}"'


def test_help_is_what_the_golden_file_shows() -> None:
    told = outcome(start("--help", environment={"TERMINAL_WIDTH": "100"})).succeeds().out
    assert "\n".join(line.rstrip() for line in told.splitlines()) + "\n" == GOLDEN.read_text(
        "utf-8"
    )


@pytest.mark.parametrize(("verb", "word"), VERBS.items(), ids=" ".join)
def test_every_verb_tells_what_it_does(verb: tuple[str, ...], word: str) -> None:
    told = say(*verb, "--help").succeeds().out
    assert f"confide {' '.join(verb)}" in told
    assert word in " ".join(told.replace("│", " ").split())


def test_no_verb_is_left_out() -> None:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    named: set[tuple[str, ...]] = set()
    for name, command in root.commands.items():
        within = command.commands if isinstance(command, TyperGroup) else None
        named |= {(name, each) for each in within} if within else {(name,)}
    assert named == set(VERBS)


def test_an_unknown_verb_is_bad_input() -> None:
    assert say("colect").code == 2


def test_init_writes_a_study_that_check_reads(tmp_path: Path, config: Path) -> None:
    study = tmp_path / "Night Walks"
    told = say("init", str(study)).succeeds().out
    [key] = config.iterdir()
    assert key.name == "Night-Walks.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    assert key.read_text().strip() not in told
    comments = [line for line in (study / "study.toml").read_text().splitlines() if "#" in line]
    assert len(comments) > 30
    assert "!study.toml" in (study / ".gitignore").read_text()

    findings = json.loads(say("check", "--study", str(study), "--json").succeeds().out)
    told_of = {finding["rule"]: finding["verdict"] for finding in findings}
    assert told_of["study"] == told_of["R11"] == told_of["codebook"] == "pass"
    assert told_of["R10"] == told_of["R6"] == told_of["data"] == "not applicable"
    assert {"rule", "verdict", "why", "blocks"} == set(findings[0])
    table = say("check", "--study", str(study)).succeeds().out
    assert all(rule in table for rule in told_of)


def test_a_second_init_refuses_and_changes_nothing(tmp_path: Path, config: Path) -> None:
    study = tmp_path / "walks"
    say("init", str(study)).succeeds()
    before = contents(tmp_path)
    say("init", str(study)).refuses(2, "study.toml exists already", "nothing was changed")
    assert contents(tmp_path) == before


def test_init_keeps_a_key_that_is_there(tmp_path: Path, config: Path) -> None:
    say("init", str(tmp_path / "walks")).succeeds()
    key = (config / "walks.key").read_text()
    (tmp_path / "walks" / "study.toml").unlink()
    assert "stays as it is" in say("init", str(tmp_path / "walks")).succeeds().out
    assert (config / "walks.key").read_text() == key


def test_init_refuses_a_folder_that_gives_no_name(tmp_path: Path, config: Path) -> None:
    say("init", str(tmp_path / "---")).refuses(2, "letters, digits or dashes")
    assert not (tmp_path / "---").exists()


def test_check_names_what_blocks_a_live_source(here: Place) -> None:
    say_live(here)
    refused = here.without("CONFIDE_NOW").invoke("check", "--json")
    assert refused.code == 3
    by_rule = {finding["rule"]: finding for finding in json.loads(refused.out)}
    for rule, section in (("R1", "[platforms.reddit.approval]"), ("R5", "[policy.ethics]")):
        told = by_rule[rule]
        assert (told["verdict"], told["blocks"][:2]) == ("fail", ["collect", "stream"])
        assert f"source porch: {rule} wants" in told["why"]
        assert section in told["why"]


def test_check_names_what_blocks_a_source_of_files(here: Place) -> None:
    record = '{ reference = "x", covers = "x", expires = 2026-01-31 }'
    dumps = f'[[source]]\nname = "dumps"\nkind = "reddit_archive"\npermission = {record}\n'
    here.write_study(reddit="https://www.reddit.com", bluesky=NOWHERE, sources=dumps)
    refused = here.invoke("check", "--json")
    assert refused.code == 3
    by_rule = {finding["rule"]: finding for finding in json.loads(refused.out)}
    assert by_rule["R2"]["verdict"] == "fail"
    assert "source dumps: R2: its permission expired" in by_rule["R2"]["why"]
    assert "backfill" in by_rule["R2"]["blocks"]
    assert by_rule["R1"]["verdict"] == "not applicable"
    assert "reachable" not in by_rule  # nobody is asked
    here.write_study(sources=dumps)
    by_rule = {f["rule"]: f for f in json.loads(here.invoke("check", "--json").succeeds().out)}
    assert by_rule["R5"]["verdict"] == "not applicable"


def test_check_fails_without_a_key_and_says_how_to_make_one(here: Place) -> None:
    here.write_study()
    here.key_file.unlink()
    failed = here.invoke("check", "--json")
    assert failed.code == 3
    by_rule = {finding["rule"]: finding for finding in json.loads(failed.out)}
    assert by_rule["R11"]["verdict"] == "fail"
    assert "openssl rand -hex 32" in by_rule["R11"]["why"]


def test_check_says_which_platform_does_not_answer(here: Place) -> None:
    here.write_study()
    failed = here.invoke("check", "--json")
    assert failed.code == 1
    unreachable = [f for f in json.loads(failed.out) if f["verdict"] == "fail"]
    assert {finding["rule"] for finding in unreachable} == {"reachable"}
    assert "platforms.reddit.url does not answer" in unreachable[0]["why"]


def test_check_looks_for_the_servers_that_a_source_will_ask(here: Place) -> None:
    kinds = (
        ('kind = "bluesky_author"\nauthors_file = "x"', {"appview"}),
        ('kind = "bluesky_author"\nauthors_file = "x"\nhistory = "repository"', {"appview", "plc"}),
        ('kind = "bluesky_search"\nquery = "porch"', {"appview", "pds"}),
    )
    signed_in = here.having(CONFIDE_BLUESKY_HANDLE="porch.invented.example")
    for source, servers in kinds:
        here.write_study(sources=f'[[source]]\nname = "sky"\n{source}\n')
        path = here.folder / "study.toml"
        near = path.read_text("utf-8").replace("[platforms.bluesky]", PLC_NEAR)
        path.write_text(near, "utf-8")
        failed = signed_in.invoke("check", "--json")
        told = [f["why"] for f in json.loads(failed.out) if f["rule"] == "reachable"]
        assert {why.split(" ")[0].rpartition(".")[2] for why in told} == servers


def test_a_clean_codebook_lints_clean() -> None:
    assert "no finding" in say("codebook", "lint").succeeds().out


def test_a_broken_codebook_is_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "mine.yaml"
    broken.write_text("codes: [\n", "utf-8")
    say("codebook", "lint", str(broken)).refuses(2, "mine.yaml", "line")
    say("codebook", "lint", str(tmp_path / "none.yaml")).refuses(2, "none.yaml")


def test_a_codebook_that_breaks_a_rule_names_it(tmp_path: Path) -> None:
    ours = files("annotation").joinpath("codebook/struggle-sharing.v1.yaml").read_text("utf-8")
    broken = tmp_path / "mine.yaml"
    broken.write_text(ours.replace("codes:\n", "codez:\n", 1), "utf-8")
    assert broken.read_text("utf-8") != ours
    say("codebook", "lint", str(broken)).refuses(2, "mine.yaml", "codez")


def test_diff_says_what_changed_and_refuses_a_number_that_says_too_little(tmp_path: Path) -> None:
    ours = files("annotation").joinpath("codebook/struggle-sharing.v1.yaml").read_text("utf-8")
    before = tmp_path / "before.yaml"
    before.write_text(ours.replace("gate: struggleposting >= 1", "gate: none", 1), "utf-8")
    told = say("codebook", "diff", str(before))
    assert told.code == 2
    assert "major: digital_vulnerability_signaling: gate differs" in told.out
    assert "to be coded again: each root coded under 1.0.0 whose coders used" in told.out
    before.write_text(ours.replace("version: 1.0.0", "version: 0.9.0", 1), "utf-8")
    assert say("codebook", "diff", str(before)).succeeds().out == "nothing differs\n"


def test_show_prints_one_code_and_refuses_an_unknown_one() -> None:
    assert "crisis_flag" in say("codebook", "show", "crisis_flag").succeeds().out
    say("codebook", "show", "joy").refuses(2, "no code is called joy", "there are")


def test_sql_before_anything_is_published(here: Place) -> None:
    here.write_study()
    here.invoke("sql", "select 1").refuses(2, "corpus.duckdb does not exist", "confide publish")
    here.invoke("verdicts").refuses(2, "corpus.duckdb does not exist", "confide publish")


def test_status_of_a_study_that_collected_nothing(here: Place) -> None:
    here.write_study()
    assert json.loads(here.invoke("status", "--json").succeeds().out)["runs"] == []
    assert "no rows" in here.invoke("status").succeeds().out


def say_live(here: Place) -> None:
    """Write a study of the real platforms, with none of the records they ask for."""
    here.folder.mkdir()
    (here.folder / "study.toml").write_text(
        f'[study]\nname = "{here.folder.name}"\nsince = 2026-01-01\n\n'
        '[[source]]\nname = "porch"\nkind = "reddit"\nsubreddit = "QuietPorch"\n',
        "utf-8",
    )


def contents(folder: Path) -> dict[Path, bytes]:
    """Read every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_init_where_nobody_may_write_is_one_sentence(tmp_path: Path, config: Path) -> None:
    (tmp_path / "file").touch()
    say("init", str(tmp_path / "file" / "walks")).refuses(2, "cannot be written", "folder")


def test_a_table_shows_text_as_it_was_written() -> None:
    written = "bye [/b] now, [bold]x :smile: a:x:b [policy.ethics]"
    assert written in as_table([{"text": written}])


@pytest.mark.parametrize("statement", ["", "-- only a comment"])
def test_no_statement_is_bad_input(tmp_path: Path, statement: str) -> None:
    with duckdb.connect(str(tmp_path / "corpus.duckdb")):
        pass
    with open_corpus(tmp_path / "corpus.duckdb") as corpus, pytest.raises(BadInput, match="no st"):
        query(corpus, statement)
