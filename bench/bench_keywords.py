"""What thousands of keywords cost: the stream's filter beside the regular expression it replaced.

`python -m bench.bench_keywords [POSTS]` prints events per second of CPU at 10, 1,000 and 10,000
phrases, for the filter (Aho and Corasick's automaton, pyahocorasick) and for its named peer (one
alternation of Python's `re` over the same text, spelled alike), in one run, and each one's
slowdown against its own 10 phrases. The posts are invented: five lengths, words as frequent as in
a language (Zipf). The peer is given fewer posts where it would take minutes. Bar: from 10 phrases
to 10,000 the filter keeps at least two fifths of its speed; the peer keeps about a hundredth.
"""

import re
import sys
from collections.abc import Callable, Sequence
from time import process_time
from typing import Any, Final

import numpy as np

from connectors.jetstream_filter import EventFilter
from connectors.phrases import comparable

SIZES: Final = (10, 1_000, 10_000)
LENGTHS: Final = (3, 8, 15, 30, 50)  # words
LETTERS: Final = ("bdfghklmnprstvw", "aeiou")
WORDS: Final = 30_000
COMMON: Final = 3_000  # phrases are made of rarer words than these
PEER_SECONDS: Final = 5.0
ROUNDS: Final = 3
DID: Final = "did:plc:wr1terwr1terwr1terwr1ter"
URI: Final = f"at://{DID}/app.bsky.feed.post/k1"


def invented_words(draw: np.random.Generator) -> list[str]:
    """Invent words of one to four syllables, the short ones first as in any language."""
    words: dict[str, None] = {}
    while len(words) < WORDS:
        syllables = 1 + min(3, len(words) // 60)
        word = "".join(draw.choice(list(kind)) for _ in range(syllables) for kind in LETTERS)
        words[word + draw.choice(["", "n", "s", "th"])] = None
    return list(words)


def invented_posts(words: Sequence[str], count: int, draw: np.random.Generator) -> list[Any]:
    """Invent post records: most are plain, some have capitals, accents and punctuation."""
    weights = 1 / np.arange(1, len(words) + 1)
    lengths = draw.choice(LENGTHS, count)
    told = iter(draw.choice(words, int(lengths.sum()), p=weights / weights.sum()).tolist())
    texts = [" ".join(next(told) for _ in range(length)) for length in lengths]
    dressed = [
        text.capitalize() + ("…" if n % 3 else "!") if n % 2 else text
        for n, text in enumerate(texts)
    ]
    return [{"text": text, "langs": ["en"]} for text in dressed]


def invented_phrases(words: Sequence[str], count: int, draw: np.random.Generator) -> list[str]:
    """Invent phrases of one to three rarer words."""
    found: dict[str, None] = {}
    while len(found) < count:
        length = int(draw.choice([1, 2, 2, 3]))
        start = WORDS - count if length == 1 else COMMON
        found[" ".join(draw.choice(words[start:], length))] = None
    return list(found)


def alternation(phrases: Sequence[str]) -> Callable[[Any], bool]:
    """Build the peer: one expression of all the phrases."""
    parts = [r"\s+".join(map(re.escape, comparable(phrase).split())) for phrase in phrases]
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?!\w)")
    return lambda record: pattern.search(comparable(record["text"])) is not None


def automaton(phrases: Sequence[str]) -> Callable[[Any], bool]:
    """Build the stream's own filter."""
    wanted = EventFilter(keywords=tuple(phrases))
    return lambda record: wanted.lets_through(URI, DID, record)


def measure(passes: Callable[[Any], bool], posts: Sequence[Any]) -> tuple[float, float]:
    """Return events per second of CPU, the best of some rounds, and the share that passed."""
    passes(posts[0])  # what is built on first use is not the stream's cost
    rates, share = [], 0.0
    for _ in range(ROUNDS):
        began = process_time()
        kept = handled = 0
        for post in posts:
            kept += passes(post)
            handled += 1
            if handled % 100 == 0 and process_time() - began > PEER_SECONDS:
                break
        rates.append(handled / (process_time() - began))
        share = kept / handled
    return max(rates), share


def main(count: int) -> int:
    """Print one line a size; fail where the filter slows down."""
    draw = np.random.default_rng(4)
    words = invented_words(draw)
    posts = invented_posts(words, count, draw)
    first: dict[str, float] = {}
    print(f"{count:,} invented posts, {ROUNDS} rounds, best one")
    for size in SIZES:
        phrases = invented_phrases(words, size, draw)
        rates = {}
        for name, build in (("filter", automaton), ("re", alternation)):
            rates[name], share = measure(build(phrases), posts)
            first.setdefault(name, rates[name])
            print(
                f"{size:>6,} phrases  {name:<6} {rates[name]:>10,.0f} events/s  "
                f"{rates[name] / first[name]:.2f} of its own speed at {SIZES[0]}  "
                f"{share:.1%} passed"
            )
        print(f"{size:>6,} phrases  filter / re = {rates['filter'] / rates['re']:,.1f}")
    is_flat = rates["filter"] / first["filter"] >= 0.5
    print("nearly flat" if is_flat else "NOT flat")
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
