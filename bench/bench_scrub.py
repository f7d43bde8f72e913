"""Recall, over-masking and speed of the scrubber, beside other tools.

    python bench/bench_scrub.py [--peers PYTHON] [--model MODEL …] [--count 2000]

Two gold sets: generated lines, each with one thing of a known class in it and, for every class,
names that half of the time no list has; and, where CONFIDE_SHARED names the recordings, the
YouTube half of WNUT-17 (persons; its locations told apart: countries, continents and states, which
we keep on purpose, and what is smaller: towns, streets, sights). Its first
half was looked at while the rules were made, its second half never: both are told apart.
Recall: at least 80 % of the letters of a thing masked. Lost: letters of ordinary words masked, by
words. `scrub_peers.py` says how to install the others; without --peers we run alone. The third
level is measured where the extra `ner` is installed.
"""

import argparse
import json
import os
import random
import re
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from transforms import checks
from transforms.lexicon import GAZETTEER
from transforms.names_model import is_installed
from transforms.scrub import scrub
from transforms.spans import spans

Spans = list[tuple[int, int]]
PEERS: Final = Path(__file__).with_name("scrub_peers.py")
ROUNDS: Final = 5
SYLLABLES: Final = (
    "bar", "ko", "lin", "ta", "ve", "mir", "so", "ya", "dru", "el", "na", "qui", "thor", "wen",
    "zi",
)  # fmt: skip
NAMES: Final = (
    "Karen", "Jake", "Priya", "Tom", "Emma", "Luis", "Fatima", "Sarah", "Kenji", "Oleg", "Chloe",
    "Marcus",
)  # fmt: skip
LAST: Final = ["Miller", "Nguyen", "Okafor", "Patel", "Kowalski", "Ruiz", "Larsen", "Haddad"]
REGION_WORDS: Final = {
    *re.split(r"[\s|]+", (GAZETTEER / "regions.txt").read_text("utf-8")),
    "earth", "planet", "usa", "us", "uk", "england", "scotland", "wales", "britain",
    "canadian", "french",
}  # fmt: skip
LINES: Final = {
    "person": ("my sister {} cried all night", "then {} called me a liar", "I told {} to leave",
               "it was {} who found me", "{} says I should move out", "me and {} broke up"),
    "person, lower case": ("my boyfriend {} left me", "i miss {} so much", "my name is {}"),
    "place": ("I live in {} and hate it", "we moved to {} in spring", "the bus to {} was late"),
    "email": ("write to {} please", "my mail is {}"),
    "phone": ("call me at {}", "his number is {}, dont ring"),
    "handle": ("thanks {} for this", "follow {} instead"),
    "link": ("all on {} now", "see {}"),
    "payment": ("my card is {} and it is empty", "send it to {}"),
    "identity": ("my ssn is {}", "they asked for {}"),
    "ip": ("logged in from {}", "his ip {} showed up"),
    "address": ("come to {} tonight", "I still live at {}"),
    "birth": ("I was born on {}", "my birthday is {}"),
    "school": ("I go to {} and fail", "they expelled me from {}"),
    "hospital": ("I woke up in {}", "the ward at {} is full"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its words: start, end, and class; `None` for an ordinary one."""

    text: str
    marks: tuple[tuple[int, int, str | None], ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--model", action="append", default=[], help="spaCy model")
    parser.add_argument("--count", type=int, default=2000)
    asked = parser.parse_args()
    sets = {"generated": generated(asked.count)} | conll()
    for name, texts in sets.items():
        plain = [it.text for it in texts]
        print(f"\n{name}: {len(texts)} texts, {sum(map(len, plain))} characters")
        report("confide, two levels", texts, *ours(plain))
        if is_installed():
            report("confide, three levels", texts, *ours(plain, with_model=True))
        if asked.peers:
            tools = [f"presidio={path}" for path in asked.model] + ["scrubadub", "datafog"]
            for tool in tools:
                report(tool.rsplit("/", 3)[0][:24], texts, *theirs(asked.peers, tool, plain))
    lines = [it.text for it in generated(60_000)]
    dense = [". ".join(lines[at : at + 5]) for at in range(0, len(lines), 5)]
    for name, texts in {"posts of five generated lines": dense, "sentences": recorded()}.items():
        if texts:
            for with_model in (False, True)[: 1 + is_installed()]:
                rounds = sorted(seconds_for(texts, with_model=with_model) for _ in range(ROUNDS))
                speed = sum(map(len, texts)) / rounds[ROUNDS // 2] / 1000
                levels = "three" if with_model else "two"
                print(f"\n{levels} levels, {len(texts)} {name}: {speed:,.0f} kchar/cpu-s")


def recorded() -> list[str]:
    """Read recorded sentences of support forums, for speed alone; none where there are none."""
    path = _shared() / "offmychest_train.csv"
    if not path.exists():
        return []
    return pl.read_csv(path, infer_schema_length=0)["full_text"].to_list() * 6


def seconds_for(texts: list[str], *, with_model: bool) -> float:
    """Scrub as one frame, warmed up; CPU seconds."""
    scrub(pl.DataFrame({"text": texts[:10]}), with_model=with_model)
    start = time.process_time()
    scrub(pl.DataFrame({"text": texts}), with_model=with_model)
    return time.process_time() - start


def ours(texts: list[str], *, with_model: bool = False) -> tuple[list[Spans], float]:
    """Scrub as one frame; the seconds are of scrubbing alone."""
    seconds = seconds_for(texts, with_model=with_model)
    masked = scrub(pl.DataFrame({"text": texts}), with_model=with_model)["text"]
    found = [
        [(begin, end) for begin, end, _ in spans(text, after)]
        for text, after in zip(texts, masked, strict=True)
    ]
    return found, seconds


def theirs(python: Path, tool: str, texts: list[str]) -> tuple[list[Spans], float]:
    """Have a tool of another environment find its spans."""
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "texts.json"), Path(folder, "out.json")
        asked.write_text(json.dumps(texts), "utf-8")
        subprocess.run([python, PEERS, tool, asked, told], check=True, capture_output=True)
        answer = json.loads(told.read_text("utf-8"))
    return answer["spans"], answer["seconds"]


def report(tool: str, texts: list[Text], found: list[Spans], seconds: float) -> None:
    """Print one tool's recall by class, ordinary words masked, and speed."""
    hits: Counter[str | None] = Counter()
    whole: Counter[str | None] = Counter()
    for text, some in zip(texts, found, strict=True):
        for start, end, kind in text.marks:
            covered = sum(max(0, min(end, b) - max(start, a)) for a, b in some)
            whole[kind] += 1
            hits[kind] += covered >= 0.8 * (end - start)
    speed = sum(len(it.text) for it in texts) / seconds / 1000
    lost = hits[None] / max(whole[None], 1)
    print(f"  {tool}: {speed:,.0f} kchar/cpu-s, ordinary words masked {lost:.4f}")
    print("   ", ", ".join(f"{k} {hits[k] / whole[k]:.2f}" for k in whole if k is not None))


def generated(count: int) -> list[Text]:
    """Draw lines, the same for the same count."""
    chance = random.Random(20260301)
    return [_line(chance) for _ in range(count)]


def _line(chance: random.Random) -> Text:
    kind = chance.choice(list(LINES))
    before, after = chance.choice(LINES[kind]).split("{}")
    value = _value(kind, chance)
    start = len(before)
    marks: list[tuple[int, int, str | None]] = [(start, start + len(value), kind)]
    for part, shift in ((before, 0), (after, start + len(value))):
        at = 0
        for word in part.split():
            at = part.index(word, at)
            if word[0].isalpha():
                marks.append((shift + at, shift + at + len(word), None))
            at += len(word)
    return Text(before + value + after, tuple(marks))


def _value(kind: str, chance: random.Random) -> str:
    invented = "".join(chance.sample(SYLLABLES, 2 + (chance.random() < 0.5))).title()
    digits = "".join(chance.choice("0123456789") for _ in range(8))
    first = chance.choice([chance.choice(NAMES), invented])
    last = chance.choice([*LAST, invented])
    card = next(
        number
        for number in (f"4{digits}{chance.randrange(10**7):07d}" for _ in range(1000))
        if checks.luhn(number)
    )
    drawn = {
        "person": chance.choice([first, f"{first} {last}"]),
        "person, lower case": chance.choice(NAMES).lower(),
        "place": chance.choice(["Leeds", "Tulsa", "Fresno", "Gdansk", "San Antonio", invented]),
        "email": f"{first}.{last}{digits[:2]}@{invented}.example.com".lower(),
        "phone": chance.choice(
            [f"555-{digits[:3]}-{digits[3:7]}", f"+44 20 {digits[:4]} {digits[4:]}",
             f"({digits[0]}55) 010-{digits[4:]}".replace("(0", "(3").replace("(1", "(4"),
             f"06 {digits[:2]} {digits[2:4]} {digits[4:6]} {digits[6:]}"]
        ),
        "handle": f"@{first}_{digits[:3]}".lower(),
        "link": f"https://{invented.lower()}.example.org/{digits[:4]}",
        "payment": chance.choice([card, f"{card[:4]} {card[4:8]} {card[8:12]} {card[12:]}"]),
        "identity": f"{chance.randrange(100, 600)}-{chance.randrange(10, 99)}-{digits[:3]}7",
        "ip": ".".join(str(chance.randrange(1, 255)) for _ in range(4)),
        "address": f"{int(digits[:3]) + 1} {last} {chance.choice(['Street', 'Road', 'Ave'])}",
        "birth": chance.choice(["March 3rd, 1994", "3 May 1990", "03/04/1991", "1988-12-01"]),
        "school": f"{last} {chance.choice(['High School', 'University', 'College'])}",
        "hospital": f"{chance.choice(['St. Mary’s', last])} Hospital",  # noqa: RUF001
    }  # fmt: skip
    return drawn[kind]


def conll() -> dict[str, list[Text]]:
    """Read the recorded set in its two halves; nothing where there is none."""
    path = _shared() / "wnut17_dev_youtube.conll"
    if not path.exists():
        return {}
    texts = [
        _joined([tuple(line.split("\t")) for line in block.splitlines() if line])
        for block in path.read_text("utf-8").split("\n\n")
        if block.strip()
    ]
    half = len(texts) // 2
    return {"WNUT-17, seen": texts[:half], "WNUT-17, never seen": texts[half:]}


def _shared() -> Path:
    return Path(os.environ.get("CONFIDE_SHARED", ".")) / "recordings" / "text"


def _joined(words: list[tuple[str, ...]]) -> Text:
    text, marks = "", []
    for word, tag in _divided(words):
        if text and word not in ".,!?;:)'" and not text.endswith(("'", "@", "#", "(")):
            text += " "
        kind = tag[2:] if tag != "O" else None
        if kind in {"person", "smaller", "region"} or (kind is None and word[0].isalpha()):
            marks.append((len(text), len(text) + len(word), kind))
        text += word
    return Text(text, tuple(marks))


def _divided(words: list[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Call each location a region, where all its words are of the names of such, or smaller."""
    told: list[tuple[str, str]] = []
    for at, (word, tag) in enumerate(words):
        end = at + 1
        if tag == "B-location":
            while end < len(words) and words[end][1] == "I-location":
                end += 1
            names = {it.lower().strip(".") for it, _ in words[at:end]}
            kind = "region" if names <= REGION_WORDS else "smaller"
        told.append((word, tag.replace("location", kind) if "location" in tag else tag))
    return told


if __name__ == "__main__":
    main()
