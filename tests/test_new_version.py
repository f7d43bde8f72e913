"""A new version of the codebook: what it leaves standing, what is coded again, nothing twice."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotation import label_studio
from annotation.codebook_diff import diff
from annotation.label_studio_server import Login, ServerHandle
from annotation.recoding import NOT_ASKED, NOT_USED, NOTHING_MAJOR, carried_because
from annotation.results import build_result
from flows.coding_round import pull_task, push_task
from flows.label_studio import TOKEN_VARIABLE
from flows.recoding import carry
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.errors import BadInput
from schema.vocabulary import UnitKind
from tests.support.warehouse_rows import (
    NOW,
    coding,
    codings,
    opened,
    post,
    qualify,
    removals,
    save,
    spans,
    units,
)
from tests.test_codebook_diff import CODEBOOK, changed
from tests.test_warehouse_codings import drawn, keep, labels
from tests.test_warehouse_units import PLAN, frame_of
from transforms.scrub import SCRUBBER_VERSION
from warehouse import store

GATE, TERM, OPEN = "struggleposting", "virtual_catharsis", "help_seeking_step"
INDEX = {code_id: place for place, code_id in enumerate(CODEBOOK.code_ids)}


def redefined(*code_ids: str) -> Callable[[dict[str, Any]], None]:
    """Give codes another meaning."""

    def edit(data: dict[str, Any]) -> None:
        for code_id in code_ids:
            data["codes"][INDEX[code_id]]["definition"] = "Another meaning altogether."

    return edit


def after(
    edit: Callable[[dict[str, Any]], object], kind: UnitKind, *values: dict[str, int]
) -> str | None:
    """Say why a unit's codings are carried over an edit; None where they are not."""
    new = changed(edit, "2.0.0")
    return carried_because(CODEBOOK, new, diff(CODEBOOK, new), kind, values)


@pytest.mark.parametrize(
    ("code", "kind", "values", "reason"),
    [
        (TERM, "root", [{GATE: 0}], NOT_USED),  # nobody came through its gate
        (TERM, "root", [{GATE: 1}], None),  # a considered 0
        (TERM, "root", [{GATE: 0}, {GATE: 2, TERM: 1}], None),  # one of two did
        (OPEN, "root", [{GATE: 0}], None),  # it has no gate
        (OPEN, "root", [{"out_of_scope": 1}], NOT_USED),
        (OPEN, "root", [], NOT_USED),  # nobody could code the unit
        (TERM, "reply", [{}], NOT_ASKED),
        (OPEN, "reply", [{}], None),
        ("crisis_flag", "root", [{}], NOTHING_MAJOR),  # no flag is kept as a value
        (GATE, "root", [{}], None),
        (GATE, "reply", [{}], NOT_ASKED),
        (GATE, "thread", [{}], None),  # its roots decide which threads are coded
        (GATE, "timeline", [{}], None),  # they are on the card
        (GATE, "community", [{}], None),
        ("feedback_uptake", "timeline", [{}], None),
        ("feedback_uptake", "community", [{}], NOT_ASKED),
        ("reply_esteem_validation", "community", [{}], None),
    ],
)
def test_a_unit_is_coded_again_where_its_coders_used_a_changed_code(
    code: str, kind: UnitKind, values: list[dict[str, int]], reason: str | None
) -> None:
    assert after(redefined(code), kind, *values) == reason


def test_what_is_not_major_leaves_every_unit_as_it_is() -> None:
    def reworded(data: dict[str, Any]) -> None:
        data["codes"][INDEX[GATE]]["decision_rules"].pop()

    assert after(reworded, "root", {GATE: 2}) == NOTHING_MAJOR


def test_a_code_that_went_was_used_where_somebody_gave_it() -> None:
    def without(data: dict[str, Any]) -> None:
        data["codes"].pop(INDEX[TERM])

    assert after(without, "root", {GATE: 1, TERM: 0}) == NOT_USED
    assert after(without, "root", {GATE: 1, TERM: 1}) is None


def test_a_code_asked_on_another_kind_was_asked_of_nobody_there() -> None:
    def elsewhere(data: dict[str, Any]) -> None:
        data["annotation_projects"][1]["plus_codes"] = [GATE]

    assert after(elsewhere, "reply", {}) is None
    assert after(elsewhere, "root", {GATE: 1}) is None


@pytest.fixture
def again(tmp_path: Path) -> Workspace:
    """A study whose codebook may be replaced."""
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "versions"\nsince = 2026-01-01\ncodebook = "codebook.yaml"\n'
        "\n[label_studio]\nembedded = false\n\n[sampling]\ntimelines = 0\n"
    )
    write(tmp_path, CODEBOOK)
    return open_workspace(tmp_path)


def write(folder: Path, codebook: Codebook) -> None:
    """Put a codebook into force."""
    # YAML holds JSON
    (folder / "codebook.yaml").write_text(codebook.model_dump_json(by_alias=True))


def coded(workspace: Workspace) -> None:
    """Code three roots under 1.0.0: one came through the gate, one is out of scope."""
    with opened(workspace.warehouse) as warehouse:
        drawn(warehouse, 1, 2, 3)
        store.save_codebook(warehouse, CODEBOOK)
        asked = [code.id for code in CODEBOOK.codes_for("root") if code.layer != "safety"]
        given = {1: {GATE: 2, TERM: 1}, 2: {}, 3: {"out_of_scope": 1}}
        rows = [
            coding(key, code, values.get(code, 0), coder=coder)
            for key, values in given.items()
            for coder in ("c1", "c2")
            for code in dict.fromkeys([*asked, "out_of_scope"])
        ]
        evidence = spans((101, 1, TERM, 0, 3))
        store.save_codings(warehouse, codings(*rows), evidence, now=NOW)


def standing(warehouse: store.Warehouse, version: str) -> set[int]:
    return store.coded_units(warehouse, "W1", "R1", "root", "c1", version)


def test_carried_units_count_under_both_versions_and_the_rest_is_due(again: Workspace) -> None:
    coded(again)
    new = changed(redefined(TERM), "2.0.0")
    assert carry(again, CODEBOOK, "W1", "R1") == {}
    for _ in range(2):  # done again it changes nothing
        assert carry(again, new, "W1", "R1") == {"carried": 2, "coded_again": 1}
    with opened(again.warehouse) as warehouse:
        assert standing(warehouse, "2.0.0") == {2, 3}
        assert standing(warehouse, "1.0.0") == {1, 2, 3}
        assert {row[0] for row in labels(warehouse)} == {2, 3}
        stored = warehouse.execute("select distinct codebook_version from landed.codings")
        assert stored == [("1.0.0",)]  # every row keeps the version that its coder used
        told = warehouse.execute(
            "select unit_key, coded_version, reason from carried_unit order by 1"
        )
        assert told == [(2, "1.0.0", NOT_USED), (3, "1.0.0", NOT_USED)]
        both = warehouse.execute(
            "select distinct codebook_version, coded_version from annotation "
            "where unit_key = 2 order by all"
        )
        assert both == [("1.0.0", "1.0.0"), ("2.0.0", "1.0.0")]
        coded_round = store.read_coded_round(warehouse, "W1", "R1", "2.0.0")
        assert {*coded_round.codings["unit"]} == {"root 2", "root 3"}
        assert coded_round.repeats.is_empty()
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_a_revision_that_uses_the_changed_code_is_due_after_all(again: Workspace) -> None:
    coded(again)
    new = changed(redefined(TERM), "2.0.0")
    carry(again, new, "W1", "R1")
    with opened(again.warehouse) as warehouse:
        later = [
            coding(2, code, value, coder="c2", revised_at=NOW.replace(hour=13))
            for code, value in ((GATE, 1), (TERM, 1))
        ]
        keep(warehouse, *later)
    assert carry(again, new, "W1", "R1") == {"carried": 1, "coded_again": 2}
    with opened(again.warehouse) as warehouse:
        assert standing(warehouse, "2.0.0") == {3}


def test_a_ruling_is_carried_with_its_unit_and_a_code_that_went_is_not(again: Workspace) -> None:
    coded(again)

    def without(data: dict[str, Any]) -> None:
        data["codes"].pop(INDEX[TERM])
        for project in data["annotation_projects"]:
            project["first"] = [one for one in project["first"] if one != TERM]

    with opened(again.warehouse) as warehouse:
        warehouse.execute(
            "insert into landed.rulings values ('W1', 'R1', 'root', 2, 2001, 'a1', ?, 9, ?, 1, "
            "null, '1.0.0')",
            [GATE, NOW.replace(tzinfo=None)],
        )
    carry(again, changed(without, "2.0.0"), "W1", "R1")
    with opened(again.warehouse) as warehouse:
        assert store.ruled_units(warehouse, "W1", "R1", "2.0.0") == {(2, GATE)}
        under = store.read_coded(warehouse, "W1", "R1", "2.0.0")
        assert TERM not in {*under["code"]}
        assert GATE in {*under["code"]}


def test_a_number_that_says_less_than_its_changes_is_refused(again: Workspace) -> None:
    coded(again)
    with pytest.raises(BadInput, match="asks for a new major version"):
        carry(again, changed(redefined(TERM), "1.0.1"), "W1", "R1")


def test_a_removal_takes_what_was_carried(again: Workspace) -> None:
    coded(again)
    carry(again, changed(redefined(TERM), "2.0.0"), "W1", "R1")
    with opened(again.warehouse) as warehouse:
        store.remove(warehouse, removals(2), now=NOW)
        assert warehouse.execute("select unit_key from landed.carried_units") == [(3,)]


@pytest.mark.label_studio
def test_a_major_version_opens_new_projects_for_what_it_touches_alone(
    again: Workspace,
    label_studio_server: ServerHandle,
    coder_login: Login,
    client: label_studio.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, name = again.directory, f"V{abs(hash(again.directory)) % 10_000}"
    monkeypatch.setenv(TOKEN_VARIABLE, coder_login.token)
    monkeypatch.setenv("CONFIDE_STUDY", str(folder))
    with (folder / "study.toml").open("a") as study:
        study.write('\n[coding]\ncoders = ["c1"]\nbatch = 25\n')
    text = (folder / "study.toml").read_text()
    (folder / "study.toml").write_text(
        text.replace("embedded = false", f'embedded = false\nurl = "{label_studio_server.url}"')
    )
    with opened(again.warehouse) as warehouse:
        given = {"scrubber_version": SCRUBBER_VERSION}
        save(warehouse, *(post(n, **given) for n in (7101, 7102, 7103)))
        qualify(warehouse, "c1")
        keys = ((n, n * 1000 + 1) for n in (7101, 7102, 7103))
        plan = replace(PLAN, round=name)
        store.save_units(warehouse, units(*keys, round_=name), plan=plan, frame=frame_of(warehouse))

    real, ahead = label_studio.server_time, [timedelta()]
    monkeypatch.setattr(label_studio, "server_time", lambda one: real(one) + ahead[0])

    def project(version: str) -> label_studio.Project:
        key = label_studio.ProjectKey("W1", version, name, "root", "c1")
        found = label_studio.find_project(client, key)
        assert found is not None
        return found

    assert push_task.fn("W1", name) == {"tasks": 3}
    first, second, third = label_studio.open_tasks(client, project("1.0.0"))
    for task, values in ((first, {GATE: 1}), (second, {})):
        label_studio.submit(client, task, build_result(CODEBOOK, "root", values, {}, [], task.text))
    pull_task.fn("W1", name)
    # an answer that comes after the last pull, and before anybody knows of the new version
    label_studio.submit(client, third, build_result(CODEBOOK, "root", {}, {}, [], third.text))
    new = changed(redefined(TERM), "2.0.0")
    write(folder, new)
    pulled = pull_task.fn("W1", name)
    assert pulled["codings"] > 0
    ahead[0] = timedelta(minutes=11)  # the break is over
    assert push_task.fn("W1", name) == {
        **{"tasks": 0, "waiting_quiz": 1},
        **{"carried": 2, "coded_again": 1},
    }
    with opened(again.warehouse) as warehouse:
        qualify(warehouse, "c1", version="2.0.0")  # again, after a major version
    told = push_task.fn("W1", name)
    assert (told["carried"], told["coded_again"]) == (2, 1)
    [task] = label_studio.open_tasks(client, project("2.0.0"))
    assert task.unit_key == first.unit_key
    label_studio.submit(client, task, build_result(new, "root", {GATE: 2}, {}, [], task.text))
    pulled = pull_task.fn("W1", name)
    assert pulled["retracted"] == 0  # what was coded before stays in the history
    assert push_task.fn("W1", name)["tasks"] == 0
    with opened(again.warehouse) as warehouse:
        under = store.read_coded(warehouse, "W1", name, "2.0.0")
        assert under["unit_key"].n_unique() == 3
        versions = warehouse.execute(
            "select codebook_version, count(distinct unit_key) from landed.codings "
            "group by codebook_version order by all"
        )
    assert versions == [("1.0.0", 3), ("2.0.0", 1)]
