"""The codebook: its file, its model, its lint."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from annotation.codebook import lint_file, load_codebook
from annotation.codebook_lint import lint
from annotation.finding import Finding
from schema.codebook import Codebook
from schema.codebook_check import codebook_from
from schema.errors import CodebookInvalid
from schema.vocabulary import UNIT_KINDS
from tests.support.needs import REPOSITORY

FILE = REPOSITORY / "annotation" / "codebook" / "struggle-sharing.v1.yaml"
CODEBOOK = load_codebook()
DATA: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))


def changed(edit: Callable[[dict[str, Any]], None]) -> Codebook:
    """Return our codebook after an edit of its data."""
    data = deepcopy(DATA)
    edit(data)
    return codebook_from(data)


def written(tmp_path: Path, old: str, new: str) -> Path:
    """Write our codebook with one text replaced, once."""
    text = FILE.read_text("utf-8")
    assert old in text
    path = tmp_path / "codebook.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_our_codebook_breaks_no_rule() -> None:
    assert lint_file() == []


def test_our_codebook_is_whole() -> None:
    assert CODEBOOK.version == "1.0.0"
    assert len(CODEBOOK.codes) == 32
    assert len(CODEBOOK.coverage.terms) == len(CODEBOOK.coverage.themes) == 10
    assert len(CODEBOOK.claims) == 44
    examples = [e for c in CODEBOOK.codes for e in (*c.examples.positive, *c.examples.near_miss)]
    assert len(examples) == len({example.text for example in examples}) == 192


def test_gate_codes_are_asked_first() -> None:
    asked = [code.id for code in CODEBOOK.codes_for("root")]
    assert asked[:4] == ["out_of_scope", "crisis_flag", "identifying_detail", "struggleposting"]
    assert asked[-2:] == ["feedback_uptake", "help_seeking_step"]
    assert len(asked) == 21


def test_replies_have_the_reply_follow_up_and_safety_codes() -> None:
    layers = {code.layer for code in CODEBOOK.codes_for("reply")}
    assert layers == {"reply", "follow_up", "safety"}
    assert len(CODEBOOK.codes_for("reply")) == 12


@pytest.mark.parametrize(
    ("unit_kind", "code_ids"),
    [
        ("thread", {"theme_emotional_catharsis", "theme_risks_rewards"}),
        ("timeline", {"social_validation_loop"}),
        ("community", {"theme_social_norms"}),
    ],
)
def test_what_no_single_post_shows_is_coded_on_larger_units(
    unit_kind: Any, code_ids: set[str]
) -> None:
    safety = {"out_of_scope", "crisis_flag", "identifying_detail"}
    assert {code.id for code in CODEBOOK.codes_for(unit_kind)} == code_ids | safety


def test_every_unit_asks_for_a_crisis_first_but_for_scope() -> None:
    for kind in UNIT_KINDS:
        assert [code.id for code in CODEBOOK.codes_for(kind)][1] == "crisis_flag"


def test_a_closed_gate_closes_the_codes_behind_it() -> None:
    assert not CODEBOOK.is_open("virtual_catharsis", "root", {"struggleposting": 0})
    assert CODEBOOK.is_open("virtual_catharsis", "root", {"struggleposting": 1})
    assert CODEBOOK.is_open("theme_stigma_openness", "root", {"struggleposting": 0})


def test_a_threads_gate_looks_at_its_root_post() -> None:
    assert CODEBOOK.code("theme_emotional_catharsis").gate_terms == (
        ("online_emotional_offloading", 1),
        ("virtual_catharsis", 1),
    )
    assert CODEBOOK.gate_within("theme_emotional_catharsis", "thread") == ()


def test_out_of_scope_excludes_all_but_the_other_safety_codes() -> None:
    out = CODEBOOK.code("out_of_scope")
    others = {code.id for code in CODEBOOK.codes if not out.excludes(code.id)}
    assert others == {"out_of_scope", "crisis_flag", "identifying_detail"}


def test_floors_follow_the_tiers() -> None:
    assert CODEBOOK.floor("struggleposting") == 0.75
    assert CODEBOOK.floor("theme_social_norms") == 0.667
    assert CODEBOOK.interval_floor("theme_authentic_identity") == 0.55
    assert CODEBOOK.floor("crisis_flag") is None
    assert CODEBOOK.level("theme_support_community") == "nominal"
    assert CODEBOOK.level("struggleposting") == "ordinal"


def test_claims_about_withdrawal_rest_on_the_gate_code() -> None:
    needs = {claim.id: claim.needs.codes for claim in CODEBOOK.claims}
    assert needs["C23"] == needs["C24b"] == ("struggleposting",)


def test_a_codebook_cannot_be_changed_in_memory() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CODEBOOK.codes[0].name = "Other"  # type: ignore[misc]


def test_an_unknown_code_or_unit_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no_such_code"):
        CODEBOOK.code("no_such_code")
    without = CODEBOOK.model_copy(update={"annotation_projects": ()})
    with pytest.raises(KeyError, match="root"):
        without.project("root")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  hotkey: v", "  hotkeys: v", r"line 1\d\d\d: codes\.30\.hotkeys is not a key here"),
        ("  hotkey: v", "  hotkey: F1", r"line 1\d\d\d: codes\.30\.hotkey is wrong"),
        ("  gate: struggleposting >= 1", "  gate: when it fits", r"gate is not an expression"),
        (
            "  version: 1.0.0",
            "  version: 1.0.0\n  version: 1.0.1",
            r"line 10: version stands twice",
        ),
        ("  status: draft_for_pilot", "  status: [", r"not valid YAML"),
        ("{0: absent, 1: present}", "{0: absent}", r"binary"),
        ('0: "no discharge", ', "", r"ordinal_0_2 scale has the anchors \[0, 1, 2\]"),
        ("  kind: share\n", "  kind: none\n", r"claims\.1 is wrong: a testable claim has kind"),
        ("  language: en\n", "", r"line 7: codebook\.language is missing: add it"),
    ],
)
def test_a_broken_file_is_refused_with_line_rule_and_remedy(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = written(tmp_path, old, new)
    if old.startswith("{0: absent"):  # the model takes it; the lint does not
        assert any(told in finding.rule for finding in lint_file(path))
        return
    with pytest.raises(CodebookInvalid, match=told) as refused:
        load_codebook(path)
    assert str(refused.value).startswith(f"{path}, line ")
    assert refused.value.exit_code == 2


def test_a_file_that_is_not_there_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(CodebookInvalid, match=r"does not exist: name the codebook in study\.toml"):
        load_codebook(tmp_path / "none.yaml")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"- a list"])
def test_a_file_that_is_no_codebook_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "codebook.yaml"
    path.write_bytes(content)
    with pytest.raises(CodebookInvalid, match=str(path)):
        load_codebook(path)


def rules(edit: Callable[[dict[str, Any]], None]) -> str:
    return "\n".join(f"{finding.rule}: {finding.remedy}" for finding in lint(changed(edit)))


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda d: d["codes"][1].update(id="struggleposting"), "stands twice in codes"),
        (lambda d: d["claims"][1].update(id="C01"), "C01 stands twice in claims"),
        (
            lambda d: d["codes"][0]["decision_rules"][0].update(against="nobody"),
            "nobody is no code",
        ),
        (lambda d: d["codes"][0]["decision_rules"][0].update(against="struggleposting"), "itself"),
        (lambda d: d["codes"][1]["examples"]["near_miss"][0].update(instead="x1"), "x1 is no code"),
        (lambda d: d["codes"][1].update(exclusive_with=["x2"]), "x2 is no code"),
        (lambda d: d["codes"][1].update(gate="x3 >= 1"), "x3 is no code"),
        (lambda d: d["codes"][1]["examples"]["positive"].pop(), "has 2 positive examples"),
        (lambda d: d["codes"][1]["examples"]["near_miss"].pop(), "has 2 near_miss examples"),
        (lambda d: d["codes"][1]["examples"]["positive"][0].update(value=0), "allows 1 or 2"),
        (
            lambda d: d["codes"][1]["examples"]["positive"][2].update(value=2),
            "shows the anchor of value 1",
        ),
        (
            lambda d: d["codes"][1]["examples"]["near_miss"][0].update(
                text=d["codes"][1]["examples"]["positive"][0]["text"]
            ),
            "stands under two values of it",
        ),
        (
            lambda d: (
                d["codes"][-1]["examples"]["positive"][0].update(
                    text=d["codes"][0]["examples"]["positive"][0]["text"]
                )
                or d["codes"][-1].update(exclusive_with=["*"])
            ),
            "which exclude each other",
        ),
        (
            lambda d: (
                [r.update(against=d["codes"][2]["id"]) for r in d["codes"][2]["decision_rules"]]
                + [m.update(instead="none") for m in d["codes"][2]["examples"]["near_miss"]]
            ),
            "online_emotional_offloading is told apart from no near neighbour",
        ),
        (lambda d: d["codes"][1].update(hotkey="1"), "hotkey 1 of struggleposting stands twice"),
        (lambda d: d["codes"][1].update(name="Struggleposting"), "name Struggleposting of"),
        (lambda d: d["codes"][1].update(hotkey="u"), "key u is Label Studio's own"),
        (lambda d: d["annotation_projects"][3].update(layers=["safety"]), "is asked on no kind"),
        (
            lambda d: d["annotation_projects"][1]["first"].append("struggleposting"),
            "not asked there",
        ),
        (lambda d: d["coverage"]["terms"].pop(), "coverage.terms is not the list"),
        (lambda d: d["codes"][1]["source"].update(kind="measure"), "9 codes stand for terms"),
        (
            lambda d: d["coverage"]["not_codable_from_one_post"].pop("theme_social_norms"),
            "its unit",
        ),
        (lambda d: d["claims"][0]["needs"].update(codes=["struggleposting"]), "without needing it"),
        (lambda d: d["claims"][0]["needs"].update(codes=["x4"]), "x4 is no code"),
        (lambda d: d["claims"][22]["needs"].update(codes=[]), "testable and needs no code"),
        (lambda d: d["claims"][0]["needs"]["codes"].append("crisis_flag"), "no agreement floor"),
        (lambda d: d["agreement_tiers"]["A_surface_act"].pop("interval_floor"), "interval_floor"),
        (lambda d: d["agreement_tiers"]["A_surface_act"].update(ambition=0.5), "do not rise"),
        (lambda d: d["agreement_tiers"].pop("C_latent_motive"), "agreement_tiers does not hold"),
        (lambda d: d["evidence"]["not_needed_for"].append("x5"), "x5 is no code"),
    ],
)
def test_the_lint_finds(edit: Callable[[dict[str, Any]], object], told: str) -> None:
    assert told in rules(edit)


def test_a_finding_names_file_line_rule_and_remedy(tmp_path: Path) -> None:
    path = written(tmp_path, "against: online_emotional_offloading", "against: offloading")
    lines = path.read_text("utf-8").splitlines()
    expected = next(n for n, line in enumerate(lines, 1) if "against: offloading" in line)
    [finding] = lint_file(path)
    rule, remedy = "offloading is no code of this codebook", "respell it or add the code"
    assert finding == Finding(str(path), expected, rule, remedy)
    assert str(finding) == f"{path}, line {expected}: {rule}: {remedy}"
