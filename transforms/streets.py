"""Street addresses and postcodes, in the orders that languages write them."""

from typing import Final

from transforms.grammar import APART, B, Group, Rule, kept
from transforms.masks import SEAL

_KINDS: Final = (
    r"street|str|st|road|rd|avenue|ave|av|boulevard|blvd|lane|ln|drive|dr|court|ct|circle|cir"
    r"|place|pl|terrace|ter|way|close|crescent|cres|square|sq|parkway|pkwy|highway|hwy|trail"
    r"|trl|row|mews|grove|gardens|gdns|alley|loop|walk"
)
_WORD: Final = (
    r"(?:(?:\p{Lu}(?:[\p{L}\p{M}0-9.'\x{2019}\-]*[\p{L}\p{M}0-9])?|[0-9]{1,3}(?:st|nd|rd|th))\.?)"
)
_SMALL: Final = r"(?:(?:of|the|de|la|du|des|del|di|da|den|der) ){0,2}"
_SIDE: Final = r"(?:(?:[NSEW]|[NS][EW]|(?i:north|south|east|west))\.? )?"
_UNIT: Final = (
    r"(?:,? ?#?(?i:apt|apartment|unit|suite|ste|flat|floor|fl|room|rm|bldg)\b\.? ?"
    r"#?[0-9A-Za-z\-]{1,6})?"
)
_GERMANIC: Final = (
    r"(?:[\p{L}\-]{3,}(?:stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|damm|ufer|straat|laan|gracht"
    r"|plein)|[\p{Lu}][\p{L}\-]+ (?:Stra(?:ß|ss)e|Str\.|Weg|Allee|Platz))"
)
_LATIN: Final = (
    r"(?i:rue|avenue|boulevard|chemin|impasse|allée|calle|avenida|avda|paseo|carrer|plaza|via"
    r"|viale|corso|piazza|rua|travessa)"
)
_BRITISH: Final = (
    r"(?:GIR ?0AA|[A-PR-UWYZ](?:[0-9]{1,2}|[A-HK-Y][0-9]|[A-HK-Y][0-9][0-9ABEHMNPRV-Y]"
    r"|[0-9][A-HJKPS-UW]) ?[0-9][ABD-HJLNP-UW-Z]{2})"
)
_CANADIAN: Final = r"[ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z][ \-]?[0-9][ABCEGHJ-NPRSTV-Z][0-9]"
_STATES: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI"
    r"|S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
)
_CUE: Final = r"zip(?: ?code)?|post ?code|postal code|plz|postleitzahl|code postal|código postal"
_ZIP: Final = rf"[0-9]{{5}}(?:-[0-9]{{4}})?{B}"


def addresses() -> Group:
    """Streets with a house number."""
    return Group(
        trigger=r"[0-9]",
        rules=(
            Rule(
                rf"{APART}[0-9]{{1,6}}[a-zA-Z]?(?:-[0-9]{{1,4}})?,? {_SIDE}(?:{_SMALL}{_WORD} )"
                rf"{{1,3}}(?i:{_KINDS}){B}\.?(?: (?:[NSEW]|[NS][EW]){B})?{_UNIT}",
                kept("ADDRESS"),
            ),
            Rule(
                rf"(?i){APART}[0-9]{{2,6}}[a-z]? (?:[a-z'\x{{2019}}]{{3,}} ){{1,2}}"
                rf"(?:street|road|avenue|blvd|boulevard){B}{_UNIT}",
                kept("ADDRESS"),
            ),
            Rule(rf"{APART}{_GERMANIC} [0-9]{{1,4}} ?(?:[a-zA-Z]{B})?", kept("ADDRESS")),
            Rule(
                rf"{APART}[0-9]{{1,4}}(?: ?(?:bis|ter))?,? {_LATIN}"
                rf"(?: {_SMALL}(?:[dl]['\x{{2019}}])?{_WORD}){{1,3}}",
                kept("ADDRESS"),
            ),
            Rule(
                rf"{APART}{_LATIN}\.? (?:{_SMALL}{_WORD},? ){{1,4}}(?:n[º°.]? ?)?[0-9]{{1,4}}{B}",
                kept("ADDRESS"),
            ),
            Rule(rf"(?i){APART}p\.? ?o\.? ?box ?#?[0-9]{{1,7}}{B}", kept("ADDRESS")),
        ),
    )


def postcodes() -> Group:
    """Postcodes of a form that nothing else has, or beside a state, an address or their name."""
    seals = rf"(?:{SEAL['ADDRESS']}|{SEAL['PLACE']})"
    towns = r"(?:\p{Lu}[\p{L}.]+,? ){1,3}"
    return Group(
        trigger=r"[0-9]{4}|[0-9][A-Z]|[A-Z][0-9]",
        rules=(
            Rule(rf"{B}{_BRITISH}{B}", SEAL["POSTCODE"]),
            Rule(rf"{B}{_CANADIAN}{B}", SEAL["POSTCODE"]),
            Rule(rf"({B}{_STATES},? ){_ZIP}", kept("POSTCODE")),
            Rule(
                rf"(?i)({B}(?:{_CUE})(?: ?(?:is|ist|est|es|of|:)){{0,2}} ?)"
                rf"(?:[0-9]{{4}} ?[A-Z]{{2}}|[0-9]{{4,6}}(?:-[0-9]{{3,4}})?){B}",
                kept("POSTCODE"),
            ),
            Rule(rf"({seals},? )[0-9]{{4,5}}(?:-[0-9]{{4}})?{B}", kept("POSTCODE")),
            Rule(rf"({SEAL['ADDRESS']},? {towns}){_ZIP}", kept("POSTCODE")),
            Rule(rf"{B}(?:D|CH|A|F|NL|B)-[0-9]{{4,5}}{B}", SEAL["POSTCODE"]),
        ),
    )
