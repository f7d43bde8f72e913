"""Train what tells an unlisted name from an unlisted word, by their letters.

    python bench/train_unknown.py

Reads the gazetteer alone: names of its lists against its words, and against generated misspelt,
stretched, clipped and joined words, as people write them. No text of any post trains anything
(rule R22). Writes `transforms/gazetteer/letters.npy`: one signed byte for each bucket of letter
sequences. The same lists give the same file.
"""

import random
from typing import Final

import numpy as np

from transforms.lexicon import GAZETTEER, LAST, NAMES, WORD, by_word, derived
from transforms.unknown import BUCKETS, SCALE, buckets_of

SEED: Final = 20260301
ROUNDS: Final = 12
RATE: Final = 0.3
HELD_OUT: Final = 20  # one word of so many is kept to tell how well it went


def main() -> None:
    """Train, tell accuracy on words kept apart, write the file."""
    chance = random.Random(SEED)
    learnt = derived()
    bits = {word: known for word, known in by_word().items() if word not in learnt}
    names = [w for w, b in bits.items() if b & (NAMES | LAST) and not b & WORD and len(w) > 3]
    words = [w for w, b in bits.items() if b & WORD and not b & NAMES and len(w) > 3]
    wrong = [misspelt(chance.choice(words), words, chance) for _ in range(60_000)]
    wrong = [word for word in wrong if not bits.get(word, 0) & (NAMES | LAST)]
    drawn = [(name, 1) for name in chance.sample(names, 40_000)]
    drawn += [(word, 0) for word in (*words, *wrong)]
    chance.shuffle(drawn)
    held, kept = drawn[::HELD_OUT], [it for at, it in enumerate(drawn) if at % HELD_OUT]
    weights = trained(kept)
    stored = np.clip(np.round(weights * SCALE), -127, 127).astype(np.int8)
    for least in (0.0, 2.0, 4.0):
        hit = [stored[buckets_of(word)].sum() / SCALE > least for word, _ in held]
        truth = [is_name for _, is_name in held]
        both = sum(h and t for h, t in zip(hit, truth, strict=True))
        print(f"score > {least}: recall {both / sum(truth):.3f}, precision {both / sum(hit):.3f}")
    np.save(GAZETTEER / "letters.npy", stored)


def trained(drawn: list[tuple[str, int]]) -> np.ndarray:
    """Fit a logistic regression by stochastic descent with adaptive steps."""
    weights, squares = np.zeros(BUCKETS), np.full(BUCKETS, 1e-6)
    features = [np.array(buckets_of(word)) for word, _ in drawn]
    truth = np.array([is_name for _, is_name in drawn])
    starts = np.arange(0, len(drawn), 64)
    for turn in range(ROUNDS):
        for start in np.roll(starts, turn * 7):
            some = features[start : start + 64]
            at = np.concatenate(some)
            of = np.repeat(np.arange(len(some)), [len(it) for it in some])
            score = np.bincount(of, weights[at], len(some))
            slope = 1 / (1 + np.exp(-score)) - truth[start : start + 64]
            step = np.bincount(at, slope[of], BUCKETS) + 1e-4 * weights
            squares += step**2
            weights -= RATE * step / np.sqrt(squares)
    return weights


def misspelt(word: str, words: list[str], chance: random.Random) -> str:
    """Write a word as people do in haste."""
    at = chance.randrange(len(word))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    ways = (
        before + after,
        before + letter * chance.randrange(2, 6) + after,
        before + after[:1] + letter + after[1:],
        before + chance.choice("abcdefghijklmnopqrstuvwxyz") + letter + after,
        before + chance.choice("aeiouy") + after,
        word + chance.choice(words),
        word.removesuffix("g") + chance.choice(["z", "s", "in", "ish", "y", "ness", "less"]),
        "".join(it for it in word if it not in "aeiou") or word,
        word[: max(4, at)] + chance.choice(["o", "ie", "y", "s", ""]),
    )
    return chance.choice(ways)


if __name__ == "__main__":
    main()
