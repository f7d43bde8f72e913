"""A study is validated as a whole, and a complaint names file, line, rule and remedy."""

from pathlib import Path

import pytest

from schema.errors import StudyInvalid
from schema.study_file import load_study

STUDY = """[study]
name = "night-shift"
since = 2026-01-01

[policy]
minimum_age_days = 14
nsfw = false

[platforms.reddit]
url = "https://www.reddit.com"

[[source]]
name = "pockets"
kind = "reddit"
subreddit = "HeavyPockets"
every = "15m"

[[source]]
name = "words"
kind = "bluesky_stream"
keywords = ["tired"]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_a_study_reads_into_frozen_sections(study: Path) -> None:
    loaded = load_study(study)
    assert [source.kind for source in loaded.source] == ["reddit", "bluesky_stream"]
    assert loaded.policy.refresh_hours == (1, 6, 24, 36, 168, 720)
    with pytest.raises(ValueError, match="frozen"):
        loaded.policy.nsfw = True  # type: ignore[misc]


@pytest.mark.recordings
def test_the_design_s_full_study_is_valid(shared: Path) -> None:
    full = load_study(shared / "design" / "study.full.toml")
    assert len(full.source) == 10


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("nsfw = false", "nsfw = true", 7, "policy.nsfw is looser than the rules allow"),
        ("minimum_age_days = 14", "minimum_age_days = 3", 6, "policy.minimum_age_days is looser"),
        ("nsfw = false", "nsfv = false", 7, "policy.nsfv is not a key of a study"),
        ('subreddit = "H', 'subredit = "H', 15, "source 1.subredit is not a key"),
        ("minimum_age_days = 14", 'minimum_age_days = "x"', 6, "valid integer"),
        ("https://www.reddit.com", "http://127.0.0.1:9", 10, "loopback"),
        ('every = "15m"', 'every = "15m"\ncron = "0 * * * *"', 12, "exclude each other"),
        ('kind = "bluesky_stream"', 'kind = "bluesky_streem"', 18, "bluesky_streem"),
        ('name = "words"', 'name = "pockets"', 19, "stands twice"),
        (
            'subreddit = "HeavyPockets"',
            'subreddit = "SuicideWatch"',
            15,
            "is an excluded community",
        ),
        ("since = 2026-01-01", "since = 2026-01-01\nuntil = 2025-01-01", 1, "until lies before"),
        ("[policy]", "[policy", 5, "not valid TOML"),
    ],
)
def test_a_wrong_key_gets_one_sentence_with_its_line(
    study: Path, old: str, new: str, line: int, says: str
) -> None:
    assert old in STUDY
    study.write_text(STUDY.replace(old, new, 1))
    with pytest.raises(StudyInvalid) as told:
        load_study(study)
    sentence = str(told.value)
    assert says in sentence
    assert "study.toml" in sentence
    assert "\n" not in sentence
    assert f"line {line}" in sentence


def test_a_looser_policy_passes_with_its_reason(study: Path) -> None:
    reason = 'nsfw = true\nreasons = { nsfw = "approved by the ethics board" }'
    study.write_text(STUDY.replace("nsfw = false", reason))
    assert load_study(study).policy.looser_keys() == ("nsfw",)


def test_a_missing_study_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StudyInvalid, match="confide init"):
        load_study(tmp_path / "study.toml")


def test_loopback_rows_never_count_as_real(study: Path) -> None:
    text = STUDY.replace("nsfw = false", "allow_loopback = true").replace(
        '[[source]]\nname = "pockets"',
        'oauth_url = "http://127.0.0.1:9"\n\n[[source]]\nname = "pockets"',
    )
    study.write_text(text.replace("https://www.reddit.com", "http://127.0.0.1:9"))
    loaded = load_study(study)
    assert loaded.route("reddit") == "synthetic"
    assert loaded.route("bluesky_stream") == "bluesky_jetstream"
