"""An invented monthly dump: lines with about 100 fields, packed the way the real ones are.

`write_dump(path, size)` writes `size` bytes of NDJSON as one zstd frame and returns how many lines
that made. Every word is invented, every byte is decided by the seed. A gigabyte takes some seconds.
"""

import json
import random
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import zstandard

from transforms.ordinary import ordinary_words

LONG_WINDOW = 31  # log 2 of the window in bytes, as the monthly dumps declare it
SHORT_WINDOW = 27  # what every reader allows unasked
SUBREDDITS = (
    *("QuietPorch", "SlowMornings", "KettleTalk", "LongEvenings", "PaperBoats"),
    *("WindowSeat", "NightBus", "GardenShed", "SmallRooms", "OldRadios"),
)
START = 1_640_995_200
TEMPLATES = 64
_BLOCK = 4_000  # lines that are joined before they are written
SENTENCES = 20_000  # of which each text is put together anew: texts are as alike as real ones
COPIES = 0.08  # of the texts say what an earlier one said
_FLAGS = (
    "archived author_patreon_flair author_premium can_gild can_mod_post hidden locked "
    "no_follow saved send_replies stickied editable collapsed author_is_blocked"
)
_NOTHING = (
    "approved_at_utc approved_by author_cakeday author_flair_background_color banned_at_utc "
    "author_flair_css_class author_flair_template_id author_flair_text author_flair_text_color "
    "banned_by distinguished likes mod_note mod_reason_by mod_reason_title num_reports "
    "removal_reason report_reasons top_awarded_type unrepliable_reason"
)
_LISTS = "all_awardings author_flair_richtext awarders mod_reports treatment_tags user_reports"
_SUBMISSION_FLAGS = (
    "allow_live_comments clicked contest_mode hide_score is_created_from_ads_ui "
    "is_crosspostable is_meta is_original_content is_reddit_media_domain is_robot_indexable "
    "is_video media_only pinned quarantine spoiler visited"
)
_SUBMISSION_NOTHING = (
    "ad_business category content_categories discussion_type link_flair_css_class "
    "link_flair_template_id media removed_by removed_by_category secure_media suggested_sort "
    "view_count pwls wls thumbnail_height thumbnail_width poll_data gallery_data"
)


def write_dump(
    path: Path, size: int, *, window_log: int = LONG_WINDOW, seed: int = 7, comments: bool = False
) -> int:
    """Write at least `size` bytes of lines as one frame; return how many lines."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=window_log, enable_ldm=True, threads=2
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters)
    lines_count = written = 0
    with path.open("wb") as file, packer.stream_writer(file, closefd=False) as frame:
        for block in blocks(seed=seed, comments=comments):
            frame.write(block)
            written += len(block)
            lines_count += _BLOCK
            if written >= size:
                return lines_count
    raise AssertionError("the blocks never end")


def blocks(*, seed: int = 7, comments: bool = False) -> Iterator[bytes]:
    """Yield 4,000 lines at a time, without end."""
    chance = random.Random(seed)
    templates = [_template(chance, comments=comments) for _ in range(TEMPLATES)]
    sentences = _sentences(chance)
    texts: deque[bytes] = deque(maxlen=SENTENCES)
    number = 0
    while True:
        lines = []
        for _ in range(_BLOCK):
            number += 1
            draw = chance.getrandbits(60)
            texts.append(_text(chance, sentences, texts))
            lines.append(
                templates[draw % TEMPLATES]
                % {
                    b"id": _base36(number).encode(),
                    b"author": b"invented-%d" % (draw % 40_009),
                    b"created": START + number // 8,
                    b"score": draw % 97,
                    b"title": b" ".join(chance.choices(sentences, k=2)),
                    b"text": texts[-1],
                    b"noise": b"%040x" % chance.getrandbits(160),
                    b"more": sentences[(draw >> 33) % SENTENCES],
                }
            )
        yield b"\n".join(lines) + b"\n"


def _template(chance: random.Random, *, comments: bool) -> bytes:
    """Return a line as bytes with holes for `%`."""
    row = _comment(chance) if comments else _submission(chance)
    line = json.dumps(row, separators=(",", ":")).replace("%", "%%")
    for hole in ("created", "score"):
        line = line.replace(f'"<{hole}>"', f"%({hole})d")
    for hole in ("id", "author", "title", "text", "more", "noise"):
        line = line.replace(f"<{hole}>", f"%({hole})s")
    return line.encode()


def _common(chance: random.Random) -> dict[str, Any]:
    subreddit = chance.choice(SUBREDDITS)
    return {
        **{flag: chance.random() < 0.2 for flag in _FLAGS.split()},
        **dict.fromkeys(_NOTHING.split()),
        **{name: [] for name in _LISTS.split()},
        "author": "<author>",
        "author_flair_type": "text",
        "author_fullname": "t2_<noise>",
        "created": "<created>",
        "created_utc": "<created>",
        "downs": 0,
        "edited": False,
        "gilded": 0,
        "gildings": {},
        "id": "<id>",
        "retrieved_on": "<created>",
        "score": "<score>",
        "subreddit": subreddit,
        "subreddit_id": f"t5_{chance.getrandbits(24):x}",
        "subreddit_name_prefixed": f"r/{subreddit}",
        "subreddit_type": "public",
        "total_awards_received": 0,
        "ups": "<score>",
    }


def _submission(chance: random.Random) -> dict[str, Any]:
    subreddit = SUBREDDITS[0]
    is_self = chance.random() < 0.6
    picture = f"https://pictures.example/{chance.getrandbits(80):x}.jpg?auto=webp&amp;s="
    sizes = [
        {"url": f"{picture}<noise>", "width": width, "height": width // 2}
        for width in (108, 216, 320, 640)
    ]
    rest = {
        **dict.fromkeys(_SUBMISSION_NOTHING.split()),
        **{flag: chance.random() < 0.1 for flag in _SUBMISSION_FLAGS.split()},
        "domain": f"self.{subreddit}" if is_self else "news.example",
        "is_self": is_self,
        "link_flair_richtext": [],
        "link_flair_text": chance.choice([None, "Evening", "Question"]),
        "link_flair_text_color": "dark",
        "link_flair_type": "text",
        "media_embed": {},
        "name": "t3_<id>",
        "num_comments": "<score>",
        "num_crossposts": 0,
        "over_18": False,
        "permalink": f"/r/{subreddit}/comments/<id>/an_invented_page/",
        "post_hint": "self" if is_self else "link",
        "preview": {"images": [{"source": sizes[-1], "resolutions": sizes, "id": "<id>"}]},
        "secure_media_embed": {},
        "selftext": "<text>" if is_self else "",
        "subreddit_subscribers": chance.getrandbits(20),
        "thumbnail": "self" if is_self else "default",
        "title": "<title>",
        "upvote_ratio": 0.97,
        "url": "https://www.reddit.example/r/x/<id>/" if is_self else "https://news.example/<id>",
        "selftext_html": "&lt;!-- SC_OFF --&gt;&lt;p&gt;<text>&lt;/p&gt;" if is_self else None,
    }
    return {**_common(chance), **rest}


def _comment(chance: random.Random) -> dict[str, Any]:
    rest = {
        "associated_award": None,
        "body": "<text>\n\n<more>",
        "body_html": "&lt;p&gt;<text>&lt;/p&gt;&lt;p&gt;<more>&lt;/p&gt;",
        "collapsed_because_crowd_control": None,
        "collapsed_reason": None,
        "collapsed_reason_code": None,
        "comment_type": None,
        "controversiality": 0,
        "is_submitter": False,
        "link_id": f"t3_{chance.getrandbits(30):x}",
        "name": "t1_<id>",
        "parent_id": f"t1_{chance.getrandbits(30):x}",
        "permalink": "/r/x/comments/y/an_invented_page/<id>/",
        "score_hidden": False,
    }
    return {**_common(chance), **rest}


def _sentences(chance: random.Random) -> list[bytes]:
    """Make sentences of ordinary words, in the proportions of a natural vocabulary."""
    words = sorted(ordinary_words())
    chance.shuffle(words)
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    drawn = chance.choices(words, cum_weights=weights, k=SENTENCES * 14)
    ends = [start + chance.randint(3, 14) for start in range(0, len(drawn), 14)]
    spans = zip(range(0, len(drawn), 14), ends, strict=True)
    return [f"{' '.join(drawn[start:end]).capitalize()}.".encode() for start, end in spans]


def _text(chance: random.Random, sentences: list[bytes], earlier: Sequence[bytes]) -> bytes:
    if earlier and chance.random() < COPIES:
        return chance.choice(earlier)
    return b" ".join(chance.choices(sentences, k=chance.randint(1, 8)))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
