# ruff: noqa: RUF001 - typographic signs are what some of these lines are about
"""What names a person by list, cue or form: masked; what only looks like it: left."""

import random
import string

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms import checks
from transforms.checked import CHECKED, Checked
from transforms.entities import mask_entities
from transforms.institutions import EMPLOYERS
from transforms.lexicon import COMMON, FIRST, INSIDE, SIGNED, by_word
from transforms.masks import NAMES_COUNT, PLACEHOLDERS
from transforms.scrub import scrub

# Every line and every person in it is invented.
PEOPLE: list[tuple[str, str]] = [
    ("My sister Hope said no.", "My sister [NAME] said no."),
    ("Grace said it would pass.", "[NAME] said it would pass."),
    ("I wrote to Hope Miller again.", "I wrote to [NAME] again."),
    ("I told Will everything.", "I told [NAME] everything."),
    ("my boyfriend jake left", "my boyfriend [NAME] left"),
    ("my boss, Karen, fired me", "my boss, [NAME], fired me"),
    ("and then karen laughed", "and then [NAME] laughed"),
    ("my son mark is four now", "my son [NAME] is four now"),
    ("a girl named Sky smiled", "a girl named [NAME] smiled"),
    ("my name is xiomara btw", "my name is [NAME] btw"),
    ("Dr. Patel and Mrs Lowe know", "Dr. [NAME] and Mrs [NAME 2] know"),
    ("it was mr smith again", "it was mr [NAME] again"),
    ("Jean-Luc O'Brien moved out", "[NAME] moved out"),
    ("Amber's mother cried", "[NAME]'s mother cried"),
    ("so I met Quorvexa for lunch", "so I met [NAME] for lunch"),
    ("Orla Quimby rang. Orla cried, so did Quimby.", "[NAME] rang. [NAME] cried, so did [NAME]."),
    ("Sarah and Tom, then Sarah", "[NAME] and [NAME 2], then [NAME]"),
    ("Ich habe Jürgen getroffen.", "Ich habe [NAME] getroffen."),
    ("J’ai vu Chloé hier.", "J’ai vu [NAME] hier."),
    ("my friend kevin smith left", "my friend [NAME] left"),
    ("so roger took my coat", "so [NAME] took my coat"),
    ("he never saw obama speak", "he never saw [NAME] speak"),
    ("Wumbrel is my whole world", "[NAME] is my whole world"),
    ("Bye Quorvexa!", "Bye [NAME]!"),
    ("TANNER FOXXE left me", "[NAME] left me"),
    ("DJ Quorvex and Lil Moth", "[NAME] and [NAME 2]"),
    ("Womblexi knew it all along", "[NAME] knew it all along"),
    ("Karen and Hope came along", "[NAME] and [NAME 2] came along"),
    ("then karen and quorvexa left", "then [NAME] and [NAME 2] left"),
    ("i met rick xavorley once", "i met [NAME] once"),
    ("so klebold's mother wrote", "so [NAME]'s mother wrote"),
    ("Cande\u0301 dijo Ángela Ruiz.", "Cande\u0301 dijo [NAME]."),
]  # fmt: skip

PLACES: list[tuple[str, str]] = [
    ("I live in Springfield now", "I live in [PLACE] now"),
    ("we moved to Xanbury last year", "we moved to [PLACE] last year"),
    ("i hate it in boston", "i hate it in [PLACE]"),
    ("from Gardena, CA to Ohio", "from [PLACE], CA to Ohio"),
    ("New York City is loud", "[PLACE] is loud"),
    ("born in Hope, AR", "born in [PLACE], AR"),
    ("all over Kent County", "all over [PLACE] County"),
    ("he jumped off Quimby Bridge", "he jumped off [PLACE]"),
    ("on Redondo Beach Blvd at ten", "on [PLACE] at ten"),
    ("moved to portland in spring", "moved to [PLACE] in spring"),
    ("hello from troutdale oregon", "hello from [PLACE] oregon"),
    ("I LIVED IN ZWEIBRUCKEN", "I LIVED IN [PLACE]"),
    ("ich wohne in Köln", "ich wohne in [PLACE]"),
    ("Seit Jahren in München allein", "Seit Jahren in [PLACE] allein"),
    ("Praha is cold", "[PLACE] is cold"),
    ("we swam in Quimby Lake", "we swam in [PLACE]"),
    ("we sat at Red Moon Park", "we sat at [PLACE]"),
    ("one night in Lake Tahoe", "one night in [PLACE]"),
    ("stuck in nyc again", "stuck in [PLACE] again"),
    ("from Burford to Leeds", "from [PLACE] to [PLACE]"),
    ("Москва не верит слезам", "[PLACE] не верит слезам"),
]

FORMS: list[tuple[str, str]] = [
    ("card 4111 1111 1111 1111.", "card [PAYMENT]."),
    ("4111-1111-1111-1111", "[PAYMENT]"),
    ("378282246310005 is it", "[PAYMENT] is it"),
    ("GB82 WEST 1234 5698 7654 32", "[PAYMENT]"),
    ("DE89370400440532013000", "[PAYMENT]"),
    ("account no. 12345678 at the bank", "account no. [PAYMENT] at the bank"),
    ("ssn 123-45-6789", "ssn [IDENTITY]"),
    ("sin 046 454 286", "sin [IDENTITY]"),
    ("aadhaar 2341 2341 2346", "aadhaar [IDENTITY]"),
    ("CPF 529.982.247-25", "CPF [IDENTITY]"),
    ("dni 12345678Z", "dni [IDENTITY]"),
    ("RSSMRA85T10A562S", "[IDENTITY]"),
    ("11010519491231002X", "[IDENTITY]"),
    ("AB 12 34 56 C", "[IDENTITY]"),
    ("my nhs number is 943 476 5919", "my nhs number is [IDENTITY]"),
    ("passport no: X1234567", "passport no: [IDENTITY]"),
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "[WALLET]"),
    ("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "[WALLET]"),
    ("0x52908400098527886E0F7030069857D2E4169EE7", "[WALLET]"),
    ("1HGCM82633A004352", "[VEHICLE]"),
    ("plate 7ABC123 drove off", "plate [VEHICLE] drove off"),
    ("a red AB12 CDE", "a red [VEHICLE]"),
    ("case number 23-CV-01982", "case number [CASE]"),
    ("police report #2291-A8", "police report #[CASE]"),
    ("192.168.10.24 logged in", "[IP] logged in"),
    ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "[IP]"),
    ("fe80::1ff:fe23:4567:890a", "[IP]"),
    ("00:1A:2B:3C:4D:5E", "[ID]"),
    ("1402 Old Mill Road, Apt 4B", "[ADDRESS]"),
    ("at 77 maple street now", "at [ADDRESS] now"),
    ("Lindenstraße 12, 10969 Berlin", "[ADDRESS], [POSTCODE] [PLACE]"),
    ("12 rue de la Paix", "[ADDRESS]"),
    ("Calle Mayor 5", "[ADDRESS]"),
    ("PO Box 118", "[ADDRESS]"),
    ("SW1A 1AA", "[POSTCODE]"),
    ("K1A 0B1", "[POSTCODE]"),
    ("TX 75001", "TX [POSTCODE]"),
    ("zip code 90210", "zip code [POSTCODE]"),
    ("born on March 3rd, 1994", "born on [DATE]"),
    ("DOB: 03/04/1991", "DOB: [DATE]"),
    ("geboren am 3. März 1990", "geboren am [DATE]"),
    ("I turned 23 on June 4", "I turned [AGE] on [DATE]"),
    ("June 4th is my birthday", "[DATE] is my birthday"),
    ("I work at Brightwater Logistics", "I work at [EMPLOYER]"),
    ("went to Lincoln High School", "went to [SCHOOL]"),
    ("the University of Quimby", "the [SCHOOL]"),
    ("at St. Mary's Hospital", "at [HOSPITAL]"),
    ("snap: fernlight", "snap: [HANDLE]"),
    ("my insta is moss_girl", "my insta is [HANDLE]"),
    ("add fern#1234", "add [HANDLE]"),
    ("$fernmoss on cashapp", "[HANDLE] on cashapp"),
    ("jane dot doe at gmail dot com", "[EMAIL]"),
    ("ｊａｎｅ＠ｍａｉｌ．ｅｘａｍｐｌｅ", "[EMAIL]"),
    ("ring ٠٢٠ ٧٩٤٦ ٠٠١٨", "ring [PHONE]"),
    ("फ़ोन +९१ ९८७६५ ४३२१०", "फ़ोन [PHONE]"),
    ("s🌸a🌸d🌸o🌸t🌸t🌸e🌸r🌸77 wrote", "[USER] wrote"),
    ("ask @sad🦦otter or u/moss🌿fern", "ask [HANDLE] or [USER]"),
    ("s̶a̶d̶_̶o̶t̶t̶e̶r̶_̶7̶7̶ wrote", "[USER] wrote"),
    ("ask @m\u0308oss_otter now", "ask [HANDLE] now"),
]

TRAPS = """
I will hope for grace. May I have some joy? Will you stay? Hope is all I have.
In May we married, in April it ended, and Summer was hard.
God knows. Lost all Hope, all Faith, all Joy.
Mark my words, bill after bill, a rose in the dawn, it rained on us, art heals, drew blood.
I FEEL LIKE A FAILURE AND NOBODY CARES
I CANNOT DO THIS. PLEASE. SOMEONE. ANYONE.
Depression sucks. Anxiety wins. Insomnia again. Bipolar too.
Borderline Personality Disorder is real.
My Therapist says CBT and DBT help. Mom cried, Dad left, Grandma died.
I use Netflix and TikTok with Zoloft on Monday. Reddit, Instagram and Walmart too.
the hospital, my school, the clinic, a church, our town, the park, downtown, at work
I am from Texas and my wife is from Germany; we met in Europe.
she is Mexican, he is Catholic, they are British and speak French
I turned 30 last year. I (23F) and my partner (25M). We lost on 12/05/2023.
in 2019, 2020, 2021 and 1999; 2048 1920 1939; 2050 1900 1939 1949
room 12 on the way, 5 star drive, 10 minute walk, 12 step program, 3 weeks, 24/7
score 21/27, BP 120/80, 1,200,000, $500, 2 tickets, ticket to ride, 988, file 2 reports
000-12-3456 is none, 4111 1111 1111 1112 is a typing error, version 1.2.3
I work at Starbucks. I work for a bank. I work at night. The Hospital was closed. My School is far.
my insta is dead and my snapchat is broken; case closed, report it, plate of food
omg lol tbh idk, gonna cry, wanna sleep, dont care, theyre mean, its fine
got lost in thought, in mobile view, at a target in turkey, in peru and in chile
so sad😭but ok❤️now 1️⃣2️⃣, re\u0301sume\u0301
I hate Main Street, Wall Street and The Mall; High Street was shut, the Tower too.
Bruh is not a word. Altho it hurts, yup, nope, a goldmine of memes on my laptop.
I Becaise it hurst me, Ledgend, and a moisturizer; the powerlifting Peopl, hmmmmm.
We sat in The Park, at My House, by the Lake and in Their World. Every Garden needs rain.
Nobody and Everyone knew. Therapy continues. Grief comes. Tomorrow never asks. Work is work.
She and Mom, he and Dad, me and God, you and Anxiety. The dj and the lil cat, dj set.
We moved to the United Kingdom from the Cayman Islands, then to New Jersey and North Korea.
the dawn, the forest, a mountain, happy valley of tears, a paradise, hell, heaven on earth
La rosa es bella. Der Hund will nicht. La vie est dure. Mi mamá no me quiere.
""".strip().splitlines()


def scrubbed(text: str) -> str:
    return str(scrub(pl.DataFrame({"text": [text]}))["text"][0])


@pytest.fixture(scope="module")
def masked_at_once() -> dict[str, str]:
    lines = [line for line, _ in PEOPLE + PLACES + FORMS] + TRAPS
    return dict(zip(lines, scrub(pl.DataFrame({"text": lines}))["text"], strict=True))


@pytest.mark.parametrize(("line", "wanted"), PEOPLE + PLACES + FORMS)
def test_what_names_somebody_is_masked(
    masked_at_once: dict[str, str], line: str, wanted: str
) -> None:
    assert masked_at_once[line] == wanted


@pytest.mark.parametrize("line", TRAPS)
def test_what_names_nobody_stays(masked_at_once: dict[str, str], line: str) -> None:
    assert masked_at_once[line] == line


@pytest.mark.parametrize("rule", [*CHECKED, *EMPLOYERS])
def test_a_hint_is_in_every_text_that_has_its_pattern(rule: Checked) -> None:
    lines = pl.Series([line for line, _ in FORMS] + TRAPS)
    has = [rule.pattern.search(line) is not None for line in lines]
    assert not (pl.Series(has) & ~lines.str.contains(rule.hint)).any()


def test_a_person_keeps_a_number_in_all_fields_of_a_post() -> None:
    texts = pl.DataFrame(
        {
            "title": ["Sarah and Tom", "Tom again"],
            "text": ["tom hit Sarah Quimby; Mia saw", None],
        }
    )
    masked = scrub(texts)
    assert masked["title"].to_list() == ["[NAME] and [NAME 2]", "[NAME] again"]
    assert masked["text"][0] == "[NAME 2] hit [NAME]; [NAME 3] saw"
    assert masked["masks"][0].to_list() == [{"mask": "NAME", "count": 5}]


def test_a_new_name_in_a_masked_post_gets_a_new_number() -> None:
    assert scrubbed("[NAME 2] met Sarah and [NAME]") == "[NAME 2] met [NAME 3] and [NAME]"


def test_more_people_than_numbers_share_the_last() -> None:
    names = [word for word, bits in by_word().items() if bits & COMMON and len(word) > 5][:120]
    masked = scrubbed(". ".join(name.title() for name in names))
    assert masked.endswith(f"[NAME {NAMES_COUNT}]")
    assert f"[NAME {NAMES_COUNT + 1}]" not in masked


def test_a_name_found_once_is_masked_wherever_its_text_has_it() -> None:
    assert scrubbed("I told Quorvexa. quorvexa cried.") == "I told [NAME]. [NAME] cried."


def test_common_names_are_masked_where_they_are_capitalised() -> None:
    names = [word for word, bits in by_word().items() if bits & COMMON]
    lines = [f"yesterday {name.title()} came over" for name in names]
    masked = scrub(pl.DataFrame({"text": lines}))["text"]
    missed = [name for name, text in zip(names, masked, strict=True) if "came over" not in text
              or not text.startswith("yesterday [")]  # fmt: skip
    assert len(missed) <= len(names) * 0.01


def test_each_degree_of_name_is_masked_behind_kin() -> None:
    for degree in (FIRST, INSIDE, SIGNED):
        names = sorted(word for word, bits in by_word().items() if bits & degree)[::97]
        lines = [f"my sister {name.title()} said so" for name in names]
        masked = scrub(pl.DataFrame({"text": lines}))["text"].to_list()
        kept = [name for name, text in zip(names, masked, strict=True) if "[" not in text]
        assert len(kept) <= max(1, len(names) * 0.1), kept


@pytest.mark.parametrize(
    ("check", "valid"),
    [
        (checks.card, "5555555555554444"),
        (checks.iban, "FR1420041010050500013M02606"),
        (checks.verhoeff, "234123412346"),
        (checks.cpf, "52998224725"),
        (checks.nhs, "9434765919"),
        (checks.bsn, "111222333"),
        (checks.pesel, "44051401359"),
        (checks.nir, "255081416802538"),
        (checks.resident, "11010519491231002X"),
        (checks.vin, "1M8GDM9AXKP042788"),
    ],
)
def test_a_check_refuses_every_single_wrong_digit(check: checks.Check, valid: str) -> None:
    assert check(valid)
    wrong = [
        valid[:at] + digit + valid[at + 1 :]
        for at, character in enumerate(valid)
        if character.isdigit()
        for digit in string.digits
        if digit != character
    ]
    # Luhn, Verhoeff and modulo 97 see every one; modulo 11 folds ten into one remainder
    assert sum(map(check, wrong)) <= len(wrong) * 0.05


PIECES = st.sampled_from(
    ["Karen", "karen", "Hope", "my sister", "Dr.", "O'Brien", "J.", "-", "'s", " ", " ", ", ", ". ",
     "\n", "in", "Boston", "New", "York", "[NAME]", "[NAME 2]", "[PLACE]", "12", "Old", "Mill",
     "Road", "born", "on", "May", "3", "said", "é", "e\u0301", "我", "İ", "ß", "\u200b", "🌸", "@",
     "4111 1111 1111 1111", "[", "]", "NAME", "I work at", "St.", "Hospital", "case no"]
)  # fmt: skip
LINES = st.lists(PIECES, max_size=12).map(" ".join)


@settings(max_examples=40)
@given(st.lists(LINES, min_size=1, max_size=30))
def test_names_masked_twice_are_masked_once(lines: list[str]) -> None:
    once = scrub(pl.DataFrame({"text": lines}))
    assert scrub(once.select("text")).equals(once)


@settings(max_examples=10)
@given(st.lists(LINES, min_size=2, max_size=12), st.randoms())
def test_no_row_depends_on_its_batch(lines: list[str], chance) -> None:  # type: ignore[no-untyped-def]
    alone = [scrubbed(line) for line in lines]
    order = list(range(len(lines)))
    chance.shuffle(order)
    together = scrub(pl.DataFrame({"text": [lines[at] for at in order]}))["text"].to_list()
    assert together == [alone[at] for at in order]


def test_rows_without_words_come_back() -> None:
    numbers = pl.Series([0, 1], dtype=pl.UInt32)
    rows = pl.DataFrame({"row": numbers, "post": numbers, "text": ["", "…"]})
    assert mask_entities(rows).equals(rows)


def fuzzed(count: int) -> list[str]:
    """Draw texts of any Unicode, mixed with what the rules look for."""
    chance = random.Random(20260301)
    pieces = [line for line, _ in PEOPLE + PLACES + FORMS] + list(PLACEHOLDERS[:20])
    return [
        "".join(
            chance.choice(pieces)[: chance.randrange(1, 30)]
            if chance.random() < 0.3
            else chr(chance.choice((chance.randrange(32, 127), chance.randrange(32, 0xD800))))
            for _ in range(chance.randrange(1, 24))
        )
        for _ in range(count)
    ]


def test_fuzzed_texts_do_no_harm() -> None:
    texts = pl.DataFrame({"text": fuzzed(20_000)})
    once = scrub(texts)
    assert once.height == 20_000
    assert scrub(once.select("text"))["text"].equals(once["text"])


@pytest.mark.long
def test_a_million_fuzzed_texts_do_no_harm() -> None:
    texts = fuzzed(1_000_000)
    for start in range(0, len(texts), 50_000):
        once = scrub(pl.DataFrame({"text": texts[start : start + 50_000]}))
        assert scrub(once.select("text"))["text"].equals(once["text"])


@pytest.mark.parametrize(
    "piece", ["Karen ", "my sister ", "Dr. ", "1 Old ", "born on ", "4111 ", "A", "St. Mary "]
)
def test_a_line_of_a_megabyte_is_no_bomb(piece: str) -> None:
    assert isinstance(scrubbed(piece * (1_000_000 // len(piece))), str)
