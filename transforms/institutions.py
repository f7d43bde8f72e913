"""Schools, hospitals and employers by their own names; `my school`, `the hospital` stay."""

import re
from typing import Final

from transforms.checked import Checked
from transforms.grammar import APART, B, Group, Rule, kept
from transforms.lexicon import employs_many

_NAME: Final = r"(?:St\.|[\p{Lu}](?:[\p{L}\p{M}.'\x{2019}\-]*[\p{L}\p{M}])?)"
_OF: Final = r"(?: (?:of|the|and|at|for|de|du|des|la) | )"
_SCHOOL: Final = (
    r"(?:(?:High|Middle|Elementary|Primary|Secondary|Grammar|Preparatory|Prep|Law|Medical|Charter)"
    r" School|University|College|Academy|Elementary|Polytechnic|Gymnasium|Grundschule|Lycée|Lyceum"
    r"|Kindergarten|Preschool|Seminary)"
)
_HOSPITAL: Final = (
    r"(?:(?:General|Regional|Memorial|Community|County|Children['\x{2019}]s|State|University"
    r"|Veterans|Psychiatric|Behaviou?ral) )*(?:Hospital|Hospice|Infirmary|Medical Cent(?:er|re)"
    r"|Health Cent(?:er|re)|Clinic|Klinik|Klinikum|Krankenhaus)"
)
# Words that open a sentence, or say what kind it is, are no name.
_KIND: Final = (
    r"(?:My|The|An?|Our|His|Her|Their|Your|This|That|In|At|To|From|And|But|Went|No|Any|Some|After"
    r"|Before|When|Local|Community|State|Every|All|Public|Private|Is|Was|I|We|If|For|Since|Old|New"
    r"|Big|Boarding|Online|Catholic|Christian|Medical|Mental|Art|Dental|Beauty|Culinary|Vet|Police)"
)
_GAP: Final = "\ue0fe"  # stands for the blank behind such a word
_WORKS: Final = (
    r"\b(?:I(?:'m| am|'ve| have)?(?: been| just| currently| still| used to| also)*"
    r"|(?:my|his|her) \w+)"
    r" (?:work(?:s|ed|ing)?|got hired|interned|teach|taught|volunteer(?:ed)?)"
    r"(?: as an? [a-z ]{3,30}?| part[- ]time| full[- ]time| nights)? (?:at|for) (?:the )?"
)

EMPLOYED: Final = (
    r"(?:[Ww]ork(?:s|ed|ing)?|hired|intern(?:ed)?|[Tt]each|[Tt]aught|volunteer(?:ed)?)"
    r"(?: [a-z\-]+){0,6} (?:at|for) (?:the )?\p{Lu}"
)
"""Trigger, of Rust: a text without it names no employer."""

EMPLOYERS: Final = (
    Checked(
        EMPLOYED,
        re.compile(
            rf"(?i:{_WORKS})(?P<it>[A-Z][\w&'\u2019]+(?:(?: of| and| &)?[ \-][A-Z][\w&'\u2019]+)"
            r"{0,4})"
        ),
        lambda found: not employs_many(found),
        "EMPLOYER",
    ),
)


def institutions() -> Group:
    """Schools and hospitals."""
    of = r"(?:University|College|Academy|Universität|Université|Universidad) (?:of|de|du|at)"
    names = rf"(?:{_NAME}{_OF}){{0,3}}{_NAME}"
    return Group(
        trigger=rf"{_SCHOOL}|Hospi|Infirmary|Medical Cent|Health Cent|Clinic|Klini|Krankenhaus",
        rules=(
            *[Rule(rf"{APART}({_KIND}) ", "${1}${2}" + _GAP)] * 2,
            Rule(rf"{APART}{names} {_SCHOOL}{B}", kept("SCHOOL")),
            Rule(rf"{APART}{of} (?:the )?{_NAME}(?:[ \-]{_NAME}){{0,2}}", kept("SCHOOL")),
            Rule(rf"{APART}{names} {_HOSPITAL}{B}", kept("HOSPITAL")),
            Rule(_GAP, " "),
        ),
    )
