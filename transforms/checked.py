"""Rules whose finds must pass a check: card and account numbers, wallets, numbers of states.

They are patterns of Python's, tried on the few texts that hold anything of the kind.
"""

import re
from dataclasses import dataclass
from typing import Final

from transforms import checks
from transforms.masks import SEAL

_BEFORE: Final = r"(?<![\w.,+\-/])"
_AFTER: Final = r"(?![\w\-])"
_S: Final = r"[ .\-\u00a0\u2010-\u2013]"
_CARD: Final = (
    rf"\d{{13,19}}|\d{{4}}(?:{_S}\d{{4}}){{3}}(?:{_S}\d{{1,3}})?|\d{{4}}{_S}\d{{6}}{_S}\d{{5}}"
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A pattern whose group `it` is masked where the check holds; what is before it stays.

    `hint`, of Rust, is in every text that has the pattern, and quick to look for in a frame.
    """

    hint: str
    pattern: re.Pattern[str]
    check: checks.Check
    mask: str

    def apply(self, text: str) -> str:
        """Put the seal in place of every find that the check confirms."""
        return self.pattern.sub(self._put, text)

    def _put(self, match: re.Match[str]) -> str:
        if not self.check(match["it"]):
            return match[0]
        return match[0][: match.start("it") - match.start()] + SEAL[self.mask]


def _number(pattern: str, check: checks.Check, mask: str, *, cue: str | None = None) -> Checked:
    """Look for a number that stands alone, or near behind a word that says what it is."""
    before = rf"\b(?:{cue})\b[^\d\n]{{0,20}}?" if cue else _BEFORE
    ascii_only = pattern.replace(r"\d", "[0-9]")  # other digits are plain by now, and slow
    hint = rf"(?i)(?:{cue})[^0-9\n]{{0,21}}{ascii_only}" if cue else rf"(?i){ascii_only}"
    found = re.compile(rf"{before}(?P<it>{pattern}){_AFTER}", re.IGNORECASE)
    return Checked(hint, found, check, mask)


def _wallet(pattern: str, check: checks.Check) -> Checked:
    return Checked(pattern, re.compile(rf"(?<!\w)(?P<it>{pattern})(?!\w)"), check, "WALLET")


def _personnummer(found: str) -> bool:
    return checks.luhn(found[-11:])


NUMBERED: Final = (
    r"(?:[0-9][ .\-\x{A0}\x{2010}-\x{2013}]?){6}|[0-9A-HJ-NPR-Z]{17}"
    r"|[13TLMD][1-9A-HJ-NP-Za-km-z]{25}"
    r"|(?i:[a-z]{2}[0-9]{2} ?[0-9a-z]{4}|[a-z]{6}[0-9]{2}|(?:bc|tb|ltc)1[02-9a-z]{11})"
)
"""Trigger, of Rust: a text without it holds no number to check."""

CHECKED: Final = (
    _number(_CARD, checks.card, "PAYMENT"),
    _number(r"[A-Z]{2}\d{2}(?: ?[0-9A-Z]){11,30}", checks.iban, "PAYMENT"),
    _number(r"\d{3}[ \-\u2010-\u2013]\d{2}[ \-\u2010-\u2013]\d{4}", checks.ssn, "IDENTITY"),
    _number(r"\d{3}[- ]\d{3}[- ]\d{3}", checks.luhn, "IDENTITY"),
    # without its name a number that begins like a year is rather three years
    _number(r"(?:2[1-9]|[3-9]\d)\d{2} ?\d{4} ?\d{4}", checks.verhoeff, "IDENTITY"),
    _number(r"\d{4} ?\d{4} ?\d{4}", checks.verhoeff, "IDENTITY", cue="aadhaar|aadhar"),
    _number(r"\d{3}\.\d{3}\.\d{3}-\d{2}", checks.cpf, "IDENTITY"),
    _number(r"\d{3}[ -]?\d{3}[ -]?\d{4}", checks.nhs, "IDENTITY", cue="nhs"),
    _number(r"\d{9}", checks.bsn, "IDENTITY", cue="bsn|burgerservicenummer"),
    _number(r"\d{11}", checks.pesel, "IDENTITY", cue="pesel"),
    _number(r"[12](?: ?\d{2}){2} ?(?:\d{2}|2[AB])(?: ?\d{3}){2} ?\d{2}", checks.nir, "IDENTITY"),
    _number(r"[XYZ]?-?\d{7,8}-?[A-HJ-NP-TV-Z]", checks.dni, "IDENTITY"),
    _number(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", checks.codice_fiscale, "IDENTITY"),
    _number(r"(?:19|20)?\d{6}[-+]\d{4}", _personnummer, "IDENTITY"),
    _number(r"\d{17}[\dX]", checks.resident, "IDENTITY"),
    _number(r"[0-9A-HJ-NPR-Z]{17}", checks.vin, "VEHICLE"),
    _wallet(r"[13TLMD][1-9A-HJ-NP-Za-km-z]{25,34}", checks.base58),
    _wallet(r"(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11,87}", checks.bech32),
)
