"""Numbers that a word before them explains, or whose form is nobody else's: plates, cases, IPs."""

from typing import Final

from transforms.grammar import B, Group, Rule, kept
from transforms.masks import SEAL

_NO: Final = r"(?:\s?(?:no\b\.?|nr\b\.?|num(?:ber)?\b|id\b|#|№)){0,2}"
_IS: Final = r"(?:\s?(?:is|was|ist|est|es|:|=|-|\x{2013})){0,2}\s?"
_PERSON: Final = (
    r"passport|driver'?s? licen[cs]e|driving licen[cs]e|licen[cs]e|medicare|medicaid|ssn"
    r"|social security|national insurance|insurance|policy|member(?:ship)?|patient|mrn"
    r"|medical record|student|employee|badge|inmate|prisoner|tax|tin|ein|nino|sin|tfn|cpf|bsn"
    r"|personalausweis|ausweis|steuer|steuer-id|sozialversicherungs|carte d'identité"
    r"|passeport|pasaporte|seguro social|curp|hkid|nric|aadhaar|pan"
)
_BANK: Final = r"account|routing|sort code|iban|swift|bic|card|konto|compte|cuenta|bsb"
_CASE: Final = (
    r"case|docket|police report|report|claim|incident|file|cause|warrant|petition|ticket"
    r"|reference|ref|application|appeal|aktenzeichen|dossier|expediente|a-number"
)
_PLATE: Final = (
    r"plates?|licen[cs]e plates?|number plate|registration|reg|kennzeichen|matrícula|vin"
)
_DIGITS: Final = r"[0-9](?:[ \-]?[0-9]){4,20}"
_LETTERED: Final = r"(?-i:[A-Z]{1,4}[0-9][0-9A-Z\-]{4,20})"
_CODE: Final = r"(?-i:[A-Z0-9](?:[A-Z0-9]|[\-/][A-Z0-9]){3,24})"
_SIGN: Final = r"(?-i:[A-Z0-9]{1,4}[ \-]?[0-9A-Z]{2,4}(?:[ \-][0-9A-Z]{1,4})?)"


def numbers() -> Group:
    """Passports, accounts, plates, cases: a word says what the number is."""
    file = rf"\s?(?:no\.?|nr\.?|number|id|#|№|:)\s?{_IS}#?\s?"
    return Group(
        trigger=r"[0-9]{3}|[A-Z0-9]{5}|[A-Z]{2} ?[0-9]{2}",
        rules=(
            Rule(
                rf"(?i)({B}(?:{_PERSON}){_NO}{_IS}\s?)(?:{_DIGITS}|{_LETTERED}){B}",
                kept("IDENTITY"),
            ),
            Rule(rf"(?i)({B}(?:{_BANK}){_NO}{_IS}\s?){_DIGITS}{B}", kept("PAYMENT")),
            Rule(rf"(?i)({B}(?:{_CASE}){file}){_CODE}{B}", kept("CASE")),
            Rule(rf"(?i)({B}(?:{_PLATE}){_NO}{_IS}\s?){_SIGN}{B}", kept("VEHICLE")),
            # British plates and national insurance numbers
            Rule(rf"{B}[A-HJ-PR-Y]{{2}}[0-9]{{2}} ?[A-HJ-PR-Z]{{3}}{B}", SEAL["VEHICLE"]),
            Rule(
                rf"{B}[A-CEGHJ-PR-TW-Z]{{2}}(?: ?[0-9]{{2}}){{3}} ?[A-D]{B}",
                SEAL["IDENTITY"],
            ),
        ),
    )


def wallets() -> Group:
    """Wallets that bear no check digits: Ethereum, Monero."""
    return Group(
        trigger=r"0x[0-9a-fA-F]{40}|[48][0-9AB][1-9A-HJ-NP-Za-km-z]{60}",
        rules=(
            Rule(rf"{B}0x[0-9a-fA-F]{{40}}{B}", SEAL["WALLET"]),
            Rule(rf"{B}[48][0-9AB][1-9A-HJ-NP-Za-km-z]{{93}}{B}", SEAL["WALLET"]),
        ),
    )


def network() -> Group:
    """IP addresses of both versions, and devices' hardware addresses."""
    octet = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
    hextet = r"[0-9a-f]{1,4}"
    before = r"(^|[^0-9a-z:\-])"
    return Group(
        trigger=rf"(?i)(?:{octet}\.){{3}}{octet}|(?:{hextet}[:\-]){{3}}|{hextet}::{hextet}",
        rules=(
            Rule(
                rf"(^|[^0-9A-Za-z.])(?:{octet}\.){{3}}{octet}($|[^0-9.]|\.(?:\s|$))",
                kept("IP") + "${2}",
            ),
            Rule(rf"(?i){before}(?:[0-9a-f]{{2}}[:\-]){{5}}[0-9a-f]{{2}}{B}", kept("ID")),
            Rule(rf"(?i){before}(?:{hextet}:){{7}}{hextet}{B}", kept("IP")),
            Rule(rf"(?i){before}(?:{hextet}:){{2,6}}(?::{hextet}){{1,5}}{B}", kept("IP")),
            Rule(
                rf"(?i){before}(?:fe80|2[0-9a-f]{{3}})::{hextet}(?::{hextet})*{B}",
                kept("IP"),
            ),
        ),
    )
