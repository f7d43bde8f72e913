# ruff: noqa: RUF001 - look-alike letters are what some of these tests are about
"""The scrubber: what it masks, what it leaves, and the laws it keeps."""

import re

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from transforms.known_names import NOBODY
from transforms.masks import MASKS, PLACEHOLDERS
from transforms.ordinary import is_ordinary, ordinary_words
from transforms.scrub import scrub

# Every line is invented. `None`: the line must come back as it is.
WRITTEN: list[tuple[str, str | None]] = [
    # handles
    ("thanks @meadow.otter77 for listening", "thanks [HANDLE] for listening"),
    ("@quietfox.bsky.social same here", "[HANDLE] same here"),
    ("follow quietfox.bsky.social instead", "follow [HANDLE] instead"),
    (".@brook_lantern said it best", ".[HANDLE] said it best"),
    ("(@brook_lantern)", "([HANDLE])"),
    ("@one_fern @two_fern, @three_fern!", "[HANDLE] [HANDLE], [HANDLE]!"),
    ("@brook_lantern's thread", "[HANDLE]'s thread"),
    ("find me @fern@moss.example on the fediverse", "find me [HANDLE] on the fediverse"),
    ("as @brook\\_lantern\\_9 wrote", "as [HANDLE] wrote"),
    ("ping @42brooklantern", "ping [HANDLE]"),
    ("did:plc:z72i7hdynmk6r22z27h6tvur wrote that", "[HANDLE] wrote that"),
    ("did:web:moss.example wrote", "[HANDLE] wrote"),
    ("at://did:plc:abc234/app.bsky.feed.post/3kabc, gone", "[HANDLE], gone"),
    ("＠ｑｕｉｅｔｆｏｘ same", "[HANDLE] same"),
    ("@quiet\u200bfox same", "[HANDLE] same"),
    ("quietfox\u2060.bsky\u200b.social", "[HANDLE]"),
    # accounts of Reddit
    ("u/sad-otter_77 is right", "[USER] is right"),
    ("/u/sad_otter, thank you", "[USER], thank you"),
    ("(u/sad\\_otter\\_77)", "([USER])"),
    ("U/SadOtter too", "[USER] too"),
    ("posted on r/u_sadotter", "posted on [USER]"),
    ("posted on /r/u\\_sad\\_otter today", "posted on [USER] today"),
    ("see /user/sadotter", "see [USER]"),
    ("ask in r/offmychest or /r/lonely", None),
    ("OP is throwaway_4819 again", "OP is [USER] again"),
    ("throwRA_rainyday here", "[USER] here"),
    ("Ok-Banana-1234 answered", "[USER] answered"),
    ("sad_otter_77 answered", "[USER] answered"),
    ("xq7fern22k answered", "[USER] answered"),
    ("moss77fern12 answered", "[USER] answered"),
    # links
    ("help: https://www.gofundme.com/f/a-roof please", "help: [LINK:crowdfunding] please"),
    ("tips: ko-fi.com/brooklantern", "tips: [LINK:tip_jar]"),
    ("[my page](https://www.patreon.com/brook)", "[my page]([LINK:subscription])"),
    ("brook.substack.com has it all", "[LINK:subscription] has it all"),
    ("shop https://ko-fi.com/s/12ab", "shop [LINK:merch]"),
    ("https://www.amazon.com/dp/B01?tag=brook-20.", "[LINK:affiliate]."),
    ("book at calendly.com/brook/30min", "book at [LINK:course_or_coaching]"),
    ("please call https://988lifeline.org/", "please call [LINK:support_service]"),
    ("(https://www.theguardian.com/a/b)", "([LINK:news])"),
    ("https://bsky.app/profile/quietfox.bsky.social/post/3k", "[LINK:other]"),
    ("instagram.com/quietfox and www.quietfox.example", "[LINK:other] and [LINK:other]"),
    ("it is all on pazifern.example/about-me, do ask", "it is all on [LINK:other], do ask"),
    ("Signed, ferncomeraki4471.", "Signed, [USER]."),
    ("in May2024 on windows11 with covid19", "in May2024 on windows11 with covid19"),
    ("read it at quietfox.me/about today", "read it at [LINK:other] today"),
    ("https://example.org/?to=gofundme.com/f/x", "[LINK:other]"),
    ("medium.com/@quietfox/why", "[LINK:other]"),
    ("see...https://example.org/x", "see...[LINK:other]"),
    ("https://exämple.org/ä, ok", "[LINK:other], ok"),
    # addresses
    ("write to brook.lantern+help@mail.example", "write to [EMAIL]"),
    ("BROOK@MAIL.EXAMPLE.ORG!", "[EMAIL]!"),
    ("brook (at) mail (dot) example", "[EMAIL]"),
    ("brook [at] mail.example", "[EMAIL]"),
    ("brooklantern at gmail dot com", "[EMAIL]"),
    ("it is brook@gmail", "it is [EMAIL]"),
    ("mailto:brook@mail.example?subject=x", "mailto:[EMAIL]?subject=x"),
    ("brook\u200b@mail.example", "[EMAIL]"),
    # telephone numbers
    ("call +44 20 7946 0018 now", "call [PHONE] now"),
    ("+1 (555) 010-4477", "[PHONE]"),
    ("my (555) 010-4477", "my [PHONE]"),
    ("555-010-4477, or 555.010.4477", "[PHONE], or [PHONE]"),
    ("1-800-555-0199", "[PHONE]"),
    ("020 7946 0018", "[PHONE]"),
    ("07700 900123", "[PHONE]"),
    ("06 12 34 56 78", "[PHONE]"),
    ("0171/2345678", "[PHONE]"),
    ("0049 30 901820", "[PHONE]"),
    ("5550104477", "[PHONE]"),
    ("text 555-0199 please", "text [PHONE] please"),
    ("tel:+4930901820", "tel:[PHONE]"),
    # ids of the platform
    ("answer to t1_h9k2abc, not t3_k2j1xyz", "answer to [ID], not [ID]"),
    # everyday writing that must survive
    ("We met in 2019-2020, then 2021", None),
    ("since 2024-01-15 10:30 it is 12/05/2023", None),
    ("I earn $1,200,000 or 1 200 000 a year", None),
    ("took 200 mg, then 300-400 mg, 50mg x 2", None),
    ("we lost 14-21, 21-14 and 7:11", None),
    ("PHQ-9 of 21/27, GAD-7 15", None),
    ("call 988 or 116 123 or text 741741", None),
    ("room 555-0199 is no number to ring", None),
    ("meet @home, not @work @school", None),
    ("sh@t, f@ck, l@@k and @_@", None),
    ("meet me @ 5 or @5pm", None),
    ("I'm tired.So tired.It never ends.me neither", None),
    ("etc.and/or whatever, his/her, w/o, 24/7, 9/11", None),
    ("e.g. this, i.e. that, U.S., a.m. and p.m.", None),
    ("node.js, v1.2.3, 3.14159265358979", None),
    ("[deleted] and [removed] and [sigh]", None),
    ("covid_19 and part_2 of h2o2, mp3player", None),
    ("I may, will and hope. Grace helps, joy comes", None),
    ("👩\u200d👧 and ❤️ and 1️⃣", None),
    ("می\u200cخواهم بخوابم", None),
    ("¿Por qué? 我很累。ทำไม", None),
    ("a <b> *c* _d_ ~~e~~ `f` > g", None),
    ("you/me, u / me, b/u", None),
    ("", None),
]  # fmt: skip


def scrubbed(text: str, *names: str) -> str:
    frame = pl.DataFrame({"text": [text]})
    return str(scrub(frame, names=pl.Series([list(names)], dtype=pl.List(pl.String)))["text"][0])


@pytest.mark.parametrize(("line", "wanted"), WRITTEN)
def test_a_written_line_is_masked_as_people_would(line: str, wanted: str | None) -> None:
    assert scrubbed(line) == (line if wanted is None else wanted)


def test_the_table_is_as_long_as_promised() -> None:
    assert len(WRITTEN) >= 60


@pytest.mark.parametrize(
    ("line", "names", "wanted"),
    [
        ("I am brooklantern, hi", ["brooklantern"], "I am [USER], hi"),
        ("I am Brook Lantern, hi", ["brook_lantern_x"], "I am [NAME], hi"),
        ("I, Orla Quimby-Vane, say", ["orla_quimby_vane"], "I, [USER], say"),
        ("signed orla\\_quimby\\_vane", ["Orla_Quimby_Vane"], "signed [USER]"),
        ("ORLAQUIMBYVANE's story", ["orla-quimby-vane"], "[USER]'s story"),
        ("_orla_quimby_ wrote", ["orla_quimby"], "_[USER]_ wrote"),
        ("o🌸rla🌸quim🌸by is here", ["orlaquimby"], "[USER] is here"),
        ("o\u0301rla q\u0336uim\u0336by said", ["orla_quimby"], "[USER] said"),
        ("orla🌿quimby", ["orla_quimby"], "[USER]"),
        ("it is quietfoxes now", ["quietfox.bsky.social"], "it is [USER]es now"),
        ("from quietfoxx.example", ["quietfoxx.example"], "from [USER]"),
        ("hi@bob there", ["bob"], "hi[HANDLE] there"),
        ("bob is short", ["bob"], "bob is short"),
        ("Bob", ["bob"], "[USER]"),
        (" @Bob. ", ["bob"], "[USER]"),
        ("so much sunshine", ["Sunshine"], "so much sunshine"),
        ("a tired mother speaks", ["Tired Mother"], "a tired mother speaks"),
        ("it is tired_mother", ["tired_mother"], "it is [USER]"),
        ("overthinking again", ["over_thinking"], "overthinking again"),
        ("Tired Mother", ["tired mother"], "[USER]"),
        ("看看 小红小红小红小红", ["小红小红小红小红"], "看看 [USER]"),
        ("mail orlaquimby@mail.example", ["orlaquimby"], "mail [EMAIL]"),
        ("https://moss.example/orlaquimby", ["orlaquimby"], "[LINK:other]"),
        ("@orlaquimby@moss.example", ["orlaquimby"], "[HANDLE]"),
        ("[deleted] said so", ["[deleted]"], "[deleted] said so"),
        ("z72i7hdynmk6r22z27h6tvur", ["did:plc:z72i7hdynmk6r22z27h6tvur"], "[USER]"),
        ("crowdfunding gofund.me/a", ["crowdfunding"], "[USER] [LINK:crowdfunding]"),
    ],
)  # fmt: skip
def test_a_name_the_row_knows_is_masked_in_every_spelling(
    line: str, names: list[str], wanted: str
) -> None:
    assert scrubbed(line, *names) == wanted


def test_a_frame_keeps_its_shape_and_counts_its_masks_by_class() -> None:
    texts = pl.DataFrame(
        {
            "title": ["ask @quietfox", None, "nothing here"],
            "text": ["u/sadotter and u/otter", "", None],
            "flair": ["quietfox", None, None],
        }
    )
    names = pl.Series([["quietfox"], [], None], dtype=pl.List(pl.String))
    masked = scrub(texts, names=names)
    assert masked.select(texts.columns).rows() == [
        ("ask [HANDLE]", "[USER] and [USER]", "[USER]"),
        (None, "", None),
        ("nothing here", None, None),
    ]
    assert masked["masks"].to_list() == [
        [{"mask": "HANDLE", "count": 1}, {"mask": "USER", "count": 3}],
        [],
        [],
    ]


def test_an_empty_frame_stays_empty() -> None:
    texts = pl.DataFrame(schema={"title": pl.String, "text": pl.String})
    assert scrub(texts).shape == (0, 3)


def test_names_must_be_as_many_as_texts() -> None:
    with pytest.raises(ValueError, match="2 texts"):
        scrub(pl.DataFrame({"text": ["a", "b"]}), names=pl.Series([["c"]]))


# Pieces that the rules look for, so that drawn texts are hostile and not only random.
PIECES = st.one_of(
    st.sampled_from(
        ["@", "u/", "r/u_", "://", "https://", "www.", ".com", "/", "_", "-", "\\", ".", " ", "\n",
         "did:plc:", "at://", "t1_", "(at)", " dot ", "+44", "0", "555-010-4477", "gofundme.com",
         "quietfox", "Quiet Fox", ".bsky.social", "[", "]", "HANDLE", "LINK:", "other", "[USER]",
         "\u200b", "\u200d", "\ufe0f", "\ue000", "\ue01f", "＠", "①", "ﬁ", "é", "e\u0301", "ß", "İ",
         "我", "throwaway", "12", "mg", "me", "home"]
    ),
    st.text(max_size=4),
)  # fmt: skip
HOSTILE = st.lists(PIECES, max_size=14).map("".join)
NAMES = st.lists(st.sampled_from(["quietfox", "Quiet Fox 99", "bob", "crowdfunding", "other.name",
                                  "ﬁfty①fifty", "\u200bghostly_one"]), max_size=3)  # fmt: skip


@settings(max_examples=30)
@given(st.lists(st.tuples(HOSTILE, NAMES), min_size=1, max_size=40))
def test_scrubbing_twice_changes_nothing(rows: list[tuple[str, list[str]]]) -> None:
    names = pl.Series([known for _, known in rows], dtype=pl.List(pl.String))
    once = scrub(pl.DataFrame({"text": [text for text, _ in rows]}), names=names)
    assert scrub(once.select("text"), names=names).equals(once)
    assert scrub(once.select("text"))["masks"].equals(once["masks"])


@settings(max_examples=12)
@given(st.lists(st.tuples(HOSTILE, NAMES), min_size=2, max_size=12), st.randoms())
def test_a_row_does_not_depend_on_its_batch(rows: list[tuple[str, list[str]]], chance) -> None:  # type: ignore[no-untyped-def]
    shuffled = rows[:]
    chance.shuffle(shuffled)
    alone = {(text, *known): scrubbed(text, *known) for text, known in rows}
    names = pl.Series([known for _, known in shuffled], dtype=pl.List(pl.String))
    together = scrub(pl.DataFrame({"text": [text for text, _ in shuffled]}), names=names)
    assert together["text"].to_list() == [alone[text, *known] for text, known in shuffled]


WORDS = st.sampled_from(sorted(ordinary_words()))
PLAIN = st.lists(
    st.one_of(
        WORDS,
        st.one_of(st.integers(0, 99), st.integers(1900, 2100)).map(str),
        st.sampled_from([",", "!", "?", "—", "🌸"]),
    ),
    max_size=25,
).map(" ".join)


@settings(max_examples=150)
@given(PLAIN, WORDS)
def test_ordinary_writing_comes_back_as_it_is(text: str, name: str) -> None:
    assume(text.strip(" ,!?—🌸").casefold() != name)
    assume(not re.search(r"[0-9]{2} [a-z ]+ (?:street|road|avenue)", text))
    assume(not re.search(r"[a-z] ?(?:[0-9] ?){5}", text))  # "employee 0 1900" is a number of his
    assert scrubbed(text, name) == text


ACCOUNT = st.from_regex(r"[a-z][a-z0-9_-]{6,18}[a-z0-9]", fullmatch=True)


@settings(max_examples=60)
@given(ACCOUNT, st.text(max_size=12), st.text(max_size=12))
def test_no_account_of_the_row_survives_in_its_text(account: str, before: str, after: str) -> None:
    assume(not is_ordinary(account))
    text = (
        f"{before}{account} {after} @{account} u/{account} {account.upper()} https://a.b/{account}"
    )
    for mask in MASKS:
        assume(account not in mask.lower())
    masked = scrubbed(text, account).lower()
    for placeholder in PLACEHOLDERS:
        masked = masked.replace(placeholder.lower(), " ")
    assert account not in masked


@settings(max_examples=80)
@given(st.text(min_size=8, max_size=30))
def test_a_name_of_any_characters_is_masked_as_its_owner_writes_it(name: str) -> None:
    assume(sum(map(str.isalnum, name)) >= 8)
    assume(not is_ordinary(name) and name.strip() not in NOBODY)
    masked = scrubbed(f"it is {name} here", name)
    for placeholder in PLACEHOLDERS:
        masked = masked.replace(placeholder, " ")
    assert name not in masked


@pytest.mark.parametrize("bomb", ["@", "a@", "://", "u/", "a.", "0", "[", "did:", "\u200d", "a_1"])
def test_a_long_line_is_no_bomb(bomb: str) -> None:
    line = bomb * (50_000 // len(bomb))
    assert isinstance(scrubbed(line, "quietfox"), str)
