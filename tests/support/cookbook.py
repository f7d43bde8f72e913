"""The questions of docs/cookbook.md and their SQL, read from the page itself."""

import re
from typing import Final

from tests.support.needs import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "cookbook.md"
_ENTRY: Final = re.compile(r"^## (\d+\. .+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SQL: Final = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def questions() -> dict[str, str]:
    """Return each question's SQL, by its heading; an entry has one block."""
    found = {}
    for heading, body in _ENTRY.findall(PAGE.read_text("utf-8")):
        [found[heading]] = _SQL.findall(body)
    return found
