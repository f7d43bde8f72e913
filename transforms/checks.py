"""Check digits: whether a number can be a card, an account, or a person's number.

Each function takes what a pattern found and reads its digits (and letters) alone.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

Check = Callable[[str], bool]

_D: Final = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_P: Final = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VIN: Final = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", "12345678123457923456789", strict=True))
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CHINA: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ODD: Final = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25,
               24, 23)  # fmt: skip


def digits(found: str) -> list[int]:
    """Read the decimal digits of any script."""
    return [int(character) for character in found if character.isdecimal()]


def _bare(found: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", found).upper()


def luhn(found: str) -> bool:
    """Check cards, Canadian and Swedish numbers (ISO/IEC 7812-1)."""
    read = digits(found)[::-1]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in read[1::2])
    return len(set(read)) > 1 and (sum(read[::2]) + doubled) % 10 == 0


def card(found: str) -> bool:
    """Check a card: 13 to 19 digits of a known issuer's range."""
    read = "".join(map(str, digits(found)))
    is_issued = read[0] in "3456" or "2221" <= read[:4] <= "2720"
    return 13 <= len(read) <= 19 and is_issued and luhn(found)


def iban(found: str) -> bool:
    """Check an account number (ISO 13616)."""
    bare = _bare(found)
    if not 15 <= len(bare) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in bare[4:] + bare[:4])) % 97 == 1


def verhoeff(found: str) -> bool:
    """Check an Indian Aadhaar number."""
    check = 0
    for place, digit in enumerate(reversed(digits(found))):
        check = int(_D[check][int(_P[place % 8][digit])])
    return check == 0 and len(set(digits(found))) > 1


def _weighted(read: list[int], weights: range) -> int:
    return sum(digit * weight for digit, weight in zip(read, weights, strict=False))


def cpf(found: str) -> bool:
    """Check a Brazilian CPF."""
    read = digits(found)
    if len(read) != 11 or len(set(read)) == 1:
        return False
    wanted = [_weighted(read, range(start, 1, -1)) * 10 % 11 % 10 for start in (10, 11)]
    return read[9:] == wanted


def nhs(found: str) -> bool:
    """Check a number of Britain's NHS."""
    read = digits(found)
    return len(read) == 10 and (11 - _weighted(read[:9], range(10, 1, -1)) % 11) % 11 == read[9]


def bsn(found: str) -> bool:
    """Check a Dutch BSN."""
    read = digits(found)
    return len(read) == 9 and (_weighted(read[:8], range(9, 1, -1)) - read[8]) % 11 == 0


def pesel(found: str) -> bool:
    """Check a Polish PESEL."""
    read = digits(found)
    total = sum(d * w for d, w in zip(read[:10], (1, 3, 7, 9) * 3, strict=False))
    return len(read) == 11 and (10 - total % 10) % 10 == read[10]


def nir(found: str) -> bool:
    """Check a French social security number."""
    bare = _bare(found).replace("2A", "19").replace("2B", "18")
    return len(bare) == 15 and bare.isdecimal() and 97 - int(bare[:13]) % 97 == int(bare[13:])


def dni(found: str) -> bool:
    """Check a Spanish DNI or NIE."""
    bare = _bare(found)
    number = bare[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdecimal() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == bare[-1]


def codice_fiscale(found: str) -> bool:
    """Check an Italian tax code."""
    values = [int(character, 36) - 10 if character.isalpha() else int(character)
              for character in _bare(found)]  # fmt: skip
    total = sum(_ODD[value] for value in values[:15:2]) + sum(values[1:15:2])
    return len(values) == 16 and total % 26 == values[15]


def resident(found: str) -> bool:
    """Check a Chinese resident identity number (GB 11643)."""
    bare = _bare(found)
    total = sum(int(d) * w for d, w in zip(bare[:17], _CHINA, strict=False))
    return len(bare) == 18 and bare[:17].isdecimal() and "10X98765432"[total % 11] == bare[17]


def ssn(found: str) -> bool:
    """Tell what the United States may issue: no 000, 666, 9xx, no group 00, no serial 0000."""
    area, group, serial = re.findall("[0-9]+", found)
    return area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000"


def vin(found: str) -> bool:
    """Check a vehicle's number (ISO 3779, North American check digit)."""
    bare = _bare(found)
    if len(bare) != 17 or not any(map(str.isdigit, bare)) or any(c in "IOQ" for c in bare):
        return False
    values = [int(character) if character.isdigit() else int(_VIN[character]) for character in bare]
    total = sum(value * weight for value, weight in zip(values, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == bare[8]


def base58(found: str) -> bool:
    """Check a Bitcoin, Litecoin, Dogecoin or Tron address."""
    number = 0
    for character in found:
        number = number * 58 + _BASE58.index(character)
    zeros = len(found) - len(found.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    once = hashlib.sha256(raw[:-4]).digest()
    return len(raw) == 25 and hashlib.sha256(once).digest()[:4] == raw[-4:]


def bech32(found: str) -> bool:
    """Check a Bitcoin or Litecoin address of the newer kind (BIP 173, BIP 350)."""
    bare = found.lower()
    prefix, _, data = bare.rpartition("1")
    values = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".find(character) for character in data]
    if min(values) < 0:
        return False
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = 1
    for value in spread + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            check ^= generator if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}
