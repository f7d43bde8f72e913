"""Birthdays, and an age that stands beside one; every other date and age stays."""

from typing import Final

from transforms.grammar import APART, B, Group, Rule, kept
from transforms.masks import SEAL

_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|januar|februar|märz|mai|juni"
    r"|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre"
    r"|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre"
    r"|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre"
    r"|dicembre)"
)
_DAY: Final = r"[0-3]?[0-9](?:st|nd|rd|th|º)?"
_YEAR: Final = r"(?:19|20)[0-9]{2}"
_DATE: Final = (
    rf"(?:{_MONTH}\.? {_DAY}(?:,? {_YEAR})?"
    rf"|(?:the )?{_DAY}\.?(?: of| de)? {_MONTH}(?:,?(?: de)? {_YEAR})?"
    rf"|[0-3]?[0-9][./\-][0-3]?[0-9][./\-](?:{_YEAR}|[0-9]{{2}})"
    rf"|{_YEAR}[./\-][01]?[0-9][./\-][0-3]?[0-9]"
    rf"|[0-3]?[0-9][./][0-3]?[0-9]){B}"
)
_BORN: Final = (
    r"born(?: on)?|dob|d\.o\.b\.?|date of birth|birth ?date|birthday|b-?day|geboren(?: am)?"
    r"|geburtstag|geburtsdatum|née?(?: le)?|date de naissance|anniversaire|nac(?:ido|ida|í)(?: el)?"
    r"|fecha de nacimiento|cumpleaños|nato il|nata il|data di nascita|nascido em|geb\."
)
_LINK: Final = (
    r"(?: (?:is|was|on|ist|am|est|le|es|el|falls on|comes on|coming up on|on the|this))*"
    r"\s?[:=\-]?\s?"
)
_TURNED: Final = r"turn(?:s|ed|ing)?|be|is|am|was|become|became|i'm"


def births() -> Group:
    """Dates that a word calls somebody's birth, and the age told with them."""
    whose = r"(?:my|his|her|their|our)"
    date = SEAL["DATE"]
    return Group(
        trigger=rf"(?i){B}(?:born|dob|d\.o\.b|birth|b-?day|turn|gebor|gebur|née? le|naiss|anniv|nac"
        r"|cumple|nat[oa] il|geb\.)",
        rules=(
            Rule(rf"(?i)({B}(?:{_BORN}){_LINK}){_DATE}", kept("DATE")),
            Rule(
                rf"(?i){APART}{_DATE}( is {whose} (?:\w+ )?(?:birthday|b-?day))",
                kept("DATE") + "${2}",
            ),
            Rule(
                rf"(?i)({B}(?:{_TURNED}) )[0-9]{{1,3}}((?: years old)? on )(?:{_DATE}|{date})",
                kept("AGE") + "${2}" + date,
            ),
            Rule(
                rf"(?i)({date}[^.!?\n0-9]{{1,40}}{B}(?:{_TURNED}|aged?|i'll be) )[0-9]{{1,3}}{B}",
                kept("AGE"),
            ),
            Rule(
                rf"(?i){APART}[0-9]{{1,3}}((?: years old| yo)?,? born (?:on )?){date}",
                kept("AGE") + "${2}" + date,
            ),
        ),
    )
