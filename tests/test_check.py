"""`confide check`: each rule passes on a sound study, and fails once its fault is planted."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from annotation.safety_log import CrisisFlag, record_flags
from connectors.vault import Vault, VaultEntry, open_vault
from flows import drill as drills
from flows.coding_round import draw_task, push_task
from flows.documents import DOCS
from flows.file_modes import close_to_others
from flows.new_study import write_key
from flows.publish import publish_task
from flows.rule_table import RULES, applied, blocked, page
from flows.rules import Evidence, Outcome, gathered
from flows.shredded import Shredding, write_mark
from flows.workspace import Workspace, open_workspace
from schema.errors import PolicyRefused
from schema.study_file import load_study
from schema.vocabulary import Platform
from tests.support.command import KEY, environment
from tests.support.warehouse_rows import NOW, STAMP, author, coding, codings, post, save, spans
from transforms.pseudonymize import post_keys
from transforms.scrub import SCRUBBER_VERSION
from warehouse import store
from warehouse.corpus import open_corpus

ETHICS = """[policy.ethics]
protocol = "board 7"
impact_assessment = "of January"
notice_url = "https://notice.example"
expires = 2026-12-31
"""
APPROVAL = """[platforms.reddit.approval]
programme = "invented"
reference = "board 7"
communities = ["SmallHours"]
signed_by = ["investigator", "officer"]
expires = 2026-12-30
"""
# real addresses, so that records count; loopback is allowed for the clock's sake alone
STUDY = f"""[study]
name = "checked"
since = 2026-01-01

[policy]
allow_loopback = true

{ETHICS}
[platforms.reddit]
user_agent = "confide (study checked; contact on notice page)"

{APPROVAL}
[[source]]
name = "porch"
kind = "reddit"
subreddit = "SmallHours"

[[source]]
name = "handed"
kind = "reddit_export"
columns = {{ native_id = "id", author = "a", text = "t", created_at = "c", venue = "s" }}
permission = {{ reference = "board 7", covers = "SmallHours", expires = 2026-12-29 }}

[[source]]
name = "panel"
kind = "bluesky_author"
authors_file = "AUTHORS"
"""
BY_NUMBER = {rule.number: rule for rule in RULES}
IDS: dict[Platform, list[str]] = {
    "reddit": ["t3_sound1", "t3_sound2"],
    "bluesky": ["at://did:plc:sound/app.bsky.feed.post/3ksound"],
}
AT_NOON = {"CONFIDE_NOW": NOW.isoformat()}
NO_CODE_KNOWS = {"R24", "R26", "R27", "R28"}


@pytest.fixture(scope="module", autouse=True)
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("keys")
    write_key(folder / "confide" / "checked.key", KEY)
    (folder / "panel").touch(mode=0o600)
    with environment({"XDG_CONFIG_HOME": str(folder), **AT_NOON}):
        yield folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, config: Path) -> Path:
    """Make a study with nothing against it: posts of both platforms, drawn, coded, audited."""
    folder = tmp_path_factory.mktemp("sound") / "checked"
    folder.mkdir()
    text = STUDY.replace("AUTHORS", str(config / "panel"))
    (folder / "study.toml").write_text(text, "utf-8")
    workspace = open_workspace(folder)
    keys = {p: post_keys(p, ids, key=workspace.key.pseudonym_key(p)) for p, ids in IDS.items()}
    first, second = keys["reddit"]
    [third] = keys["bluesky"]
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.remember(
            VaultEntry(platform, native, key, "porch", NOW + timedelta(hours=9))
            for platform, ids in IDS.items()
            for native, key in zip(ids, keys[platform], strict=True)
        )
    with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
        told = {"scrubber_version": SCRUBBER_VERSION}
        save(warehouse, post(first, version_key=11, author_pseudonym=author(1), **told))
        save(warehouse, post(second, version_key=12, author_pseudonym=author(2), **told))
        sky = {"platform": "bluesky", "kind": "post", "title": None}
        sky["community_key"] = "bluesky/network"
        save(
            warehouse,
            post(third, version_key=13, author_pseudonym=author(3), **told, **sky),
            stamp=replace(STAMP, route="bluesky_appview"),
        )
        store.log_act(warehouse, "drill", {"failed_count": 0})
        store.log_act(warehouse, "retain", {"texts_count": 0})
    with environment({"CONFIDE_STUDY": str(folder)}):
        draw_task.fn("W1", "R1", 3, 0)
    with store.open_warehouse(workspace.warehouse, now=NOW) as warehouse:
        coded = codings(coding(first, "identifying_detail", 0, annotation_id=1))
        marked = spans((1, first, "identifying_detail", 0, 3))
        store.save_codings(warehouse, coded, marked, now=NOW)
    close_to_others(folder)
    return folder


@pytest.fixture(scope="module")
def evidence(sound: Path) -> Iterator[Evidence]:
    with gathered(open_workspace(sound), frozenset({"warehouse", "vault"})) as found:
        yield found


def test_every_rule_has_a_check_and_names_what_it_blocks() -> None:
    assert [rule.number for rule in RULES] == [f"R{number}" for number in range(1, 31)]
    assert all(rule.blocks and rule.wants and rule.looks_at for rule in RULES)
    text = (DOCS / "compliance.md").read_text("utf-8")
    assert text == page()
    assert all(f"| {rule.number} |" in text for rule in RULES)


@pytest.mark.parametrize("number", BY_NUMBER)
def test_a_sound_study_passes(evidence: Evidence, number: str) -> None:
    outcome = BY_NUMBER[number].apply(evidence)
    wanted = "not applicable" if number in NO_CODE_KNOWS else "pass"
    assert (outcome.verdict, outcome.why) == (wanted, outcome.why)
    assert len(outcome.why) > 20
    if number in NO_CODE_KNOWS - {"R28"}:
        assert "`confide release` does not exist yet" in outcome.why
    if number == "R28":
        assert "deposit it before you publish" in outcome.why


LOG = "landed.removals_audit"
CHANGED = {
    "date": "removed_at = removed_at + interval 1 microsecond",
    "platform": "platform = 'reddit'",
    "reason": "reason = 'opted_out'",
    "posts": "posts_count = posts_count + 1",
    "counts": "rows_by_store = '{}'",
    "chain": "previous_hash = repeat('1', 64)",
    "hash": "hash = repeat('1', 64)",
    "number": "seq = seq + 7",
}
NEXT = "max(seq) + 1, max(removed_at), 'study', 'drill', 0, '{}', arg_max(hash, seq)"
INSERTED = {
    "a line at the end": f"insert into {LOG} values (3, now(), 'study', 'x', 0, '{{}}', '', '')",
    "a line at the end, well chained": (
        f"insert into {LOG} select {NEXT}, audit_hash({NEXT}) from {LOG}"
    ),
    "a line before the first": f"insert into {LOG} from {LOG} select * replace (0 as seq) limit 1",
    "a line twice": f"insert into {LOG} from {LOG} where seq = 1",
    "the first line gone": f"delete from {LOG} where seq = 1",
    "all lines gone": f"delete from {LOG}",
    "two lines in each other's place": f"update {LOG} set seq = 3 - seq",
}
TAMPERED = {
    f"{what} of line {line}": f"update {LOG} set {change} where seq = {line}"
    for what, change in CHANGED.items()
    for line in (1, 2)
} | INSERTED


@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_with_any_line_of_the_log_is_found(evidence: Evidence, how: str) -> None:
    rows = evidence.rows
    before = rows.execute(f"from {LOG} order by all")
    rows.execute("begin")
    try:
        rows.execute(TAMPERED[how])
        assert rows.execute(f"from {LOG} order by all") != before
        fails("R29", evidence, "lines of the audit log were changed")
    finally:
        rows.execute("rollback")
    assert BY_NUMBER["R29"].apply(evidence).verdict == "pass"


POSTS, FIRST = "landed.post_versions", "rowid = 0"
IN_ROWS = {
    "a route nobody approved": ("R2", f"update {POSTS} set route = 'scraped'", "3 rows"),
    "drawn test data": ("R2", f"update {POSTS} set route = 'fixture' where {FIRST}", "1 rows"),
    "an excluded community": (
        "R4",
        f"update {POSTS} set community_key = 'reddit/suicidewatch' where {FIRST}",
        "1 posts of excluded communities",
    ),
    "an adult post": ("R4", f"update {POSTS} set is_nsfw = true where {FIRST}", "1 posts marked"),
    "a DID in a text": (
        "R6",
        f"update {POSTS} set quoted_text = 'see did:plc:planted0' where {FIRST}",
        "1 rows of post_versions.quoted_text",
    ),
    "an id in a note": (
        "R6",
        "insert into landed.set_aside values ('r', 's', 's', 'a rule', 't3_planted9', 1)",
        "1 rows of set_aside.skeleton",
    ),
    "a column for handles": ("R6", f"alter table {POSTS} add column handle varchar", "1 columns"),
    "a text of older rules": ("R7", f"update {POSTS} set scrubber_version = 1", "3 texts"),
    "a detail that was missed": ("R7", "update landed.codings set value = 1", "1 of 1 units"),
    "the safety code": (
        "R8",
        "update landed.codings set code_id = 'crisis_flag'",
        "1 rows with the safety code",
    ),
    "a unit that is a person": ("R8", "update landed.units set unit_kind = 'author'", "3 units"),
    "a column that rates people": (
        "R8",
        f"alter table {POSTS} add column author_health_score double",
        "1 units or columns",
    ),
    "a pseudonym of both platforms": (
        "R9",
        f"update {POSTS} set author_pseudonym = repeat('a', 32)",
        "1 pseudonyms on both platforms",
    ),
    "a shredding whose mark is gone": (
        "R12",
        "insert into landed.removals_audit values (9, now(), 'study', 'shred', 0, '{}', '', '')",
        "its mark is gone",
    ),
    "bytes of deleted rows": ("R13", "update landed.store set rewrite_due_at = now()", "1 wareh"),
    "tasks that do not follow": (
        "R16",
        "update landed.taken_back set taken_count = taken_count + 1",
        "Label Studio may hold",
    ),
    "a row that outlived its post": (
        "R17",
        "insert into landed.thread_reads values (77, 1)",
        "1 rows hang",
    ),
    "a tally of three": (
        "R17",
        "insert into landed.persistence_tally values "
        "('reddit', '2026-01-05', 'subreddit', 'struggle', 3, 3, 1, 0)",
        "1 cells",
    ),
    "a replaced wording": (
        "R18",
        "insert into landed.superseded_versions "
        f"select platform, post_key, version_key, now(), now() from {POSTS} where {FIRST}",
        "1 replaced wordings",
    ),
    "a span of a replaced wording": (
        "R18",
        "insert into landed.superseded_versions select 'reddit', unit_key, 5, now(), now() "
        "from landed.codings; update landed.codings set version_key = 5",
        "1 spans",
    ),
    "shareable without a yes": (
        "R20",
        "create or replace view intermediate.shareable as select post_key "
        f"from {POSTS} where platform = 'bluesky'",
        "1 posts count as shareable",
    ),
    "a post for signed-in readers": (
        "R21",
        f"update {POSTS} set is_visible_logged_out = false where platform = 'bluesky'",
        "1 posts are for signed-in readers",
    ),
    "embeddings": ("R22", f"alter table {POSTS} add column vector float[]", "1 columns of emb"),
    "a unit of last week": (
        "R23",
        f"update {POSTS} set created_at = '2026-02-22', indexed_at = null where {FIRST}",
        "1 units are younger than 14 days",
    ),
    "a text of last year": (
        "R23",
        f"update {POSTS} set observed_at = '2025-02-01' where {FIRST}; "
        "update landed.collection_runs set started_at = '2025-02-01'",
        "1 texts are older",
    ),
    "a cell of ten": (
        "R25",
        "insert into landed.persistence_tally values "
        "('reddit', '2026-01-05', 'subreddit', 'struggle', 3, 10, 1, 0)",
        "1 cells",
    ),
    "a changed line of the log": (
        "R29",
        "update landed.removals_audit set rows_by_store = '{}' where seq = 1",
        "1 lines of the audit log",
    ),
    "a log whose end is cut off": (
        "R29",
        "delete from landed.removals_audit where seq = 2",
        "1 lines of the audit log",
    ),
    "no drill": ("R30", "delete from landed.removals_audit where reason = 'drill'", "ever run"),
    "an old drill": (
        "R30",
        "update landed.removals_audit set removed_at = '2026-01-20' where reason = 'drill'",
        "the last drill was on 2026-01-20",
    ),
    "a drill that failed": (
        "R30",
        """update landed.removals_audit set rows_by_store = '{"failed_count": 1}'
        where reason = 'drill'""",
        "the last drill failed",
    ),
}


@pytest.mark.parametrize("fault", IN_ROWS)
def test_a_fault_in_the_rows_is_found(evidence: Evidence, fault: str) -> None:
    number, sql, words = IN_ROWS[fault]
    rows = evidence.rows
    rows.execute("begin")
    try:
        for statement in sql.split("; "):
            rows.execute(statement)
        fails(number, evidence, words)
    finally:
        rows.execute("rollback")
    assert BY_NUMBER[number].apply(evidence).verdict == "pass"


def fails(number: str, evidence: Evidence, words: str) -> Outcome:
    rule = BY_NUMBER[number]
    outcome = rule.apply(evidence)
    assert outcome.verdict == "fail", outcome
    assert words in outcome.why
    assert blocked(rule, outcome)
    assert set(blocked(rule, outcome)) <= set(rule.blocks)
    return outcome


IN_STUDY = {
    "no approval": ("R1", APPROVAL, "", "R1 wants Reddit's approval"),
    "an approval that expired": ("R1", "2026-12-30", "2026-02-01", "expired on 2026-02-01"),
    "a community it does not cover": ("R1", '["SmallHours"]', '["Elsewhere"]', "does not cover"),
    "a permission that expired": ("R2", "2026-12-29", "2026-02-01", "expired on 2026-02-01"),
    "a mirror of Reddit": (
        "R2",
        "[platforms.reddit]",
        '[platforms.reddit]\nurl = "https://mirror.example"',
        "R2 wants Reddit asked at its own API",
    ),
    "the guise of a browser": ("R3", "confide (study", "Mozilla/5.0 (study", "names a browser"),
    "no ethics record": ("R5", ETHICS, "", "R5 wants an ethics record"),
    "an ethics record that expired": ("R5", "2026-12-31", "2026-02-01", "expired on 2026-02-01"),
    "an ethics record with a gap": ("R5", '"of January"', '"…"', "has no impact_assessment"),
    "rows whose permission ended": (
        "R23",
        "2026-12-30",
        "2026-02-01",
        "2 posts of Reddit are held after their permission ended",
    ),
}


@pytest.mark.parametrize("fault", IN_STUDY)
def test_a_fault_in_the_study_is_found(evidence: Evidence, tmp_path: Path, fault: str) -> None:
    number, old, new, words = IN_STUDY[fault]
    text = (evidence.workspace.directory / "study.toml").read_text("utf-8")
    assert text.count(old) == 1
    path = tmp_path / "study.toml"
    path.write_text(text.replace(old, new), "utf-8")
    workspace = Workspace(evidence.workspace.directory, load_study(path))
    if number == "R23":  # under which the rows would have come
        evidence.rows.execute("begin")
        evidence.rows.execute(
            "update landed.post_versions set route = 'reddit_approved_api' "
            "where platform = 'reddit'"
        )
    try:
        fails(number, replace(evidence, workspace=workspace), words)
    finally:
        if number == "R23":
            evidence.rows.execute("rollback")


@pytest.fixture
def study(tmp_path: Path, sound: Path, evidence: Evidence) -> Workspace:
    """Return a copy to spoil; what is open of the sound study is on disk."""
    evidence.rows.execute("checkpoint")
    folder = tmp_path / "checked"
    shutil.copytree(sound, folder)
    return open_workspace(folder)


def outcome_of(number: str, workspace: Workspace) -> Outcome:
    [(rule, outcome)] = applied(workspace, [BY_NUMBER[number]])
    assert set(blocked(rule, outcome)) <= set(rule.blocks)
    return outcome


def plain_hash(vault: Vault) -> None:
    native = "t3_plain1"
    key = int.from_bytes(sha256(native.encode()).digest()[:8], "big")
    vault.remember([VaultEntry("reddit", native, key, "porch", NOW + timedelta(hours=9))])


def missed_look(platform: Platform) -> Callable[[Vault], None]:
    def reschedule(vault: Vault) -> None:
        [entry, *_] = vault.due(NOW + timedelta(days=9), platform, 1)
        vault.reschedule({entry.post_key: NOW - timedelta(days=2)})

    return reschedule


IN_VAULT: dict[str, tuple[str, Callable[[Vault], None], str]] = {
    "a plain hash": ("R10", plain_hash, "1 plain hashes"),
    "a missed look on Reddit": ("R14", missed_look("reddit"), "1 posts on reddit"),
    "a missed look on Bluesky": ("R15", missed_look("bluesky"), "1 posts on bluesky"),
    "a post that was to stay out": (
        "R19",
        lambda vault: vault.suppress("reddit", native_ids=["t3_sound2"]),
        "1 posts are held",
    ),
    "an account that was to stay out": (
        "R19",
        lambda vault: vault.suppress("bluesky", authors=["did:plc:sound"]),
        "1 accounts that were to stay out have posts here",
    ),
}


@pytest.mark.parametrize("fault", IN_VAULT)
def test_a_fault_in_the_vault_is_found(study: Workspace, fault: str) -> None:
    number, spoil, words = IN_VAULT[fault]
    with open_vault(study.vault, study.key.vault_keys()) as vault:
        spoil(vault)
    outcome = outcome_of(number, study)
    assert (outcome.verdict, words in outcome.why) == ("fail", True), outcome


def old_flag(workspace: Workspace) -> None:
    flag = CrisisFlag(NOW - timedelta(days=91), "0" * 16, "R1", "c1")
    record_flags(workspace.safety_log, [flag])


def written(name: str, content: bytes = b"planted") -> Callable[[Workspace], None]:
    def write(workspace: Workspace) -> None:
        path = workspace.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)

    return write


def annotated(text: str) -> Callable[[Workspace], None]:
    """Put a draft of a coder's into a database laid out as Label Studio lays out its own."""

    def write(workspace: Workspace) -> None:
        path = workspace.state / "label-studio" / "label_studio.sqlite3"
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("create table tasks_annotationdraft (result text)")
            database.execute("create table account (email text)")
            database.execute("insert into tasks_annotationdraft values (?)", [f'["{text}"]'])
            database.execute("insert into account values ('coder@team.example')")

    return write


IN_FILES: dict[str, tuple[str, Callable[[Workspace], object], str]] = {
    "a vault for all": ("R11", lambda w: w.vault.chmod(0o644), "vault.sqlite can be read"),
    "a warehouse for all": ("R11", lambda w: w.warehouse.chmod(0o640), "warehouse.duckdb can"),
    "a folder for all": ("R11", lambda w: w.state.chmod(0o755), "var can be read"),
    "a study.toml for all": (
        "R11",
        lambda w: (w.directory / "study.toml").chmod(0o644),
        "study.toml can be read",
    ),
    "a damaged vault": ("R11", lambda w: w.vault.write_bytes(b"x" * 4096), "vault.sqlite"),
    "the key in a log": ("R11", written("var/a.log", KEY.hex().encode()), "stands in var/a.log"),
    "the key as bytes": ("R11", written("notes.bin", b"--" + KEY), "stands in notes.bin"),
    "a shredding cut off": (
        "R12",
        lambda w: write_mark(w.directory, Shredding("2026-02-20", "x")),
        "was cut off",
    ),
    "a vault after shredding": (
        "R12",
        lambda w: write_mark(w.directory, Shredding("2026-02-20", "x", is_complete=True)),
        "there again",
    ),
    "a name in Label Studio": (
        "R6",
        annotated("it is @jo.kettle.example"),
        "1 rows of Label Studio's tasks_annotationdraft.result",
    ),
    "a result that Prefect kept": ("R13", written("var/prefect/storage/a"), "1 results"),
    "a file of a model": ("R22", written("var/model.safetensors"), "1 files of models"),
    "an old line of the safety log": ("R23", old_flag, "1 lines of the safety log"),
    "a stray copy of the published file": ("R24", written("published/copy.csv"), "1 files beside"),
}


@pytest.mark.parametrize("fault", IN_FILES)
def test_a_fault_in_the_files_is_found(study: Workspace, fault: str) -> None:
    number, spoil, words = IN_FILES[fault]
    spoil(study)
    outcome = outcome_of(number, study)
    assert (outcome.verdict, words in outcome.why) == ("fail", True), outcome


def test_what_coders_draft_without_a_name_is_no_fault(study: Workspace) -> None:
    annotated("the kettle sang")(study)
    assert outcome_of("R6", study).verdict == "pass"


def test_a_list_of_names_that_others_can_read_is_found(study: Workspace, config: Path) -> None:
    (config / "panel").chmod(0o644)
    try:
        assert "chmod 600" in outcome_of("R11", study).why
    finally:
        (config / "panel").chmod(0o600)


def test_a_study_without_its_key_fails(study: Workspace, config: Path) -> None:
    with environment({"XDG_CONFIG_HOME": str(config / "elsewhere")}):
        outcome = outcome_of("R11", open_workspace(study.directory))
    assert (outcome.verdict, "openssl rand -hex 32" in outcome.why) == ("fail", True)


def test_a_rule_that_cannot_be_applied_fails_without_a_value(evidence: Evidence) -> None:
    def stumble(_evidence: Evidence) -> Outcome:
        raise ValueError("a post's words")

    outcome = replace(BY_NUMBER["R6"], check=stumble).apply(evidence)
    assert outcome.verdict == "fail"
    assert "the check of R6 failed with ValueError" in outcome.why
    assert "words" not in outcome.why


INVENTED = """[study]
name = "checked"
since = 2026-01-01

[policy]
allow_loopback = true

[platforms.reddit]
url = "http://127.0.0.1:9"
oauth_url = "http://127.0.0.1:9"

[platforms.bluesky]
appview = "http://127.0.0.1:9"

[[source]]
name = "porch"
kind = "reddit"
subreddit = "SmallHours"

[[source]]
name = "handed"
kind = "reddit_export"
columns = { native_id = "id", author = "a", text = "t", created_at = "c", venue = "s" }
permission = { reference = "x", covers = "x", expires = 2020-12-29 }
"""


def test_an_invented_study_needs_no_approval(evidence: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(INVENTED, "utf-8")
    workspace = Workspace(evidence.workspace.directory, load_study(path))
    invented = replace(evidence, workspace=workspace)
    for number in ("R1", "R5", "R27", "R28", "R30"):
        outcome = BY_NUMBER[number].apply(invented)
        assert outcome.verdict == "not applicable"
        assert "real" in outcome.why
    assert BY_NUMBER["R2"].apply(invented).verdict == "pass"


def test_without_stores_there_is_nothing_to_look_at(study: Workspace) -> None:
    study.vault.unlink()
    study.warehouse.unlink()
    for rule, outcome in applied(study):
        if rule.needs:
            assert outcome.verdict == "not applicable"


def test_each_verb_refuses_what_a_rule_blocks(study: Workspace) -> None:
    with environment({"CONFIDE_STUDY": str(study.directory)}):
        with store.open_warehouse(study.warehouse, now=NOW) as warehouse:
            warehouse.execute("update landed.post_versions set flair = 'did:plc:planted0'")
        verbs: dict[str, Callable[[], object]] = {
            "draw": lambda: draw_task.fn("W1", "R2", 1, 0),
            "push": lambda: push_task.fn("W1", "R1"),
            "publish": publish_task.fn,
        }
        for verb, run in verbs.items():
            with pytest.raises(PolicyRefused, match=f"{verb} is refused: R6: 3 rows") as refused:
                run()
            assert refused.value.exit_code == 3
        assert not study.published.exists()


def test_a_drill_lets_every_canary_go_and_is_logged(study: Workspace, config: Path) -> None:
    with store.open_warehouse(study.warehouse, now=NOW) as warehouse:
        warehouse.execute("delete from landed.removals_audit")
        warehouse.execute("update landed.taken_back set audit_head = null")
    assert "run `confide check --drill`" in outcome_of("R30", study).why
    before = sorted(path.name for path in config.rglob("*"))
    done = drills.drill(study.directory)
    assert [one.name for one in done] == ["deletion", "opt_out", "crisis", "shred"]
    assert all(one.is_passed and one.planted_count for one in done)
    assert sorted(path.name for path in config.rglob("*")) == before
    assert outcome_of("R30", study).verdict == outcome_of("R29", study).verdict == "pass"
    with store.open_warehouse(study.warehouse, now=NOW) as warehouse:
        log = store.last_act(warehouse, "drill")
        assert log is not None
        assert set(log[1].values()) == {0}


def test_a_drill_notices_steps_that_do_nothing(
    study: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("remove", "take_out", "_flag"):
        monkeypatch.setattr(drills, step, lambda *_arguments: 0)
    passed = {one.name: one.is_passed for one in drills.drill(study.directory)}
    assert passed == {"deletion": False, "opt_out": False, "crisis": False, "shred": True}
    assert outcome_of("R30", study).why.startswith("the last drill failed")


def test_a_stricter_cell_neither_blocks_publishing_nor_shows_smaller_ones(
    study: Workspace,
) -> None:
    path = study.directory / "study.toml"
    text = path.read_text("utf-8").replace("[policy]", "[policy]\nminimum_cell = 20", 1)
    path.write_text(text, "utf-8")
    with store.open_warehouse(study.warehouse, now=NOW) as warehouse:
        for week, count in (("2026-01-05", 15), ("2026-01-12", 25)):
            warehouse.execute(
                "insert into landed.persistence_tally "
                f"values ('reddit', '{week}', 'subreddit', 'other', 3, {count}, {count}, 0)"
            )
    stricter = open_workspace(study.directory)
    assert {outcome_of(rule, stricter).verdict for rule in ("R17", "R25")} == {"pass"}
    with environment({"CONFIDE_STUDY": str(study.directory)}):
        publish_task.fn()
    with open_corpus(study.published) as corpus:
        rows = corpus.execute("select cohort_week, n_at_risk from persistence_tally").fetchall()
    assert [(str(week), count) for week, count in rows] == [("2026-01-12", 25)]
