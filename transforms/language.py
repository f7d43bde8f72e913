"""The language of a text, from tables inside the package; nothing is downloaded.

Source: py3langid 0.4 (97 languages, ISO 639-1). Deterministic, and what a text is said to be
depends on that text alone: whatever the batch leaves in doubt is decided by the package.
"""

import functools
from typing import Final

import polars as pl
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from transforms.language_batch import BatchIdentifier

SHORTEST_TEXT: Final = 20  # letters; below, the guess is worth nothing
LEAST_PROBABILITY: Final = 0.5  # else no language is likelier than all the others together
LONGEST_IN_BATCH: Final = 2_000  # letters; a few long texts side by side gain nothing

_NOT_WORDS: Final = r"\[[A-Z]+(?::[a-z_]+)?\]|[^\p{L}\p{M}'\s]"


def detect_languages(texts: pl.Series) -> pl.DataFrame:
    """Tell each masked text's language and how sure that is; n strings to n rows.

    `language`: ISO 639-1; null where the text is too short or in doubt (`und`).
    `language_confidence`: probability of the likeliest one; null where the text is too short.
    Placeholders, digits and signs do not count.
    """
    words = (
        texts.rename("words")
        .to_frame()
        .select(pl.col("words").str.replace_all(_NOT_WORDS, " ").str.replace_all(r"\s+", " "))
    )
    letters = pl.col("words").str.count_matches(r"\p{L}")
    long_enough = words.filter(letters >= SHORTEST_TEXT).unique()
    is_short = pl.col("words").str.len_chars() <= LONGEST_IN_BATCH
    side_by_side = long_enough.filter(is_short)["words"].to_list()
    alone = long_enough.filter(~is_short)["words"].to_list()
    found = [*_languages(side_by_side), *map(_language, alone)]
    known = pl.DataFrame(
        [(text, *told) for text, told in zip([*side_by_side, *alone], found, strict=True)],
        schema={"words": pl.String, "language": pl.String, "language_confidence": pl.Float64},
        orient="row",
    ).with_columns(
        pl.when(pl.col("language_confidence") >= LEAST_PROBABILITY).then("language"),
        pl.col("language_confidence").clip(0, 1).round(3),
    )
    return words.join(known, on="words", how="left", maintain_order="left").drop("words")


def _languages(texts: list[str]) -> list[tuple[str, float]]:
    if not texts:
        return []
    guesses = _batch_identifier().classify(texts, threshold=LEAST_PROBABILITY)
    return [
        (guess, probability) if is_clear else _language(text)
        for text, guess, probability, is_clear in zip(
            texts,
            guesses.languages,
            guesses.probabilities.tolist(),
            guesses.is_clear.tolist(),
            strict=True,
        )
    ]


def _language(text: str) -> tuple[str, float]:
    language, probability = _identifier().classify(text)
    return str(language), float(probability)


@functools.cache
def _batch_identifier() -> BatchIdentifier:
    return BatchIdentifier(_identifier())


@functools.cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
