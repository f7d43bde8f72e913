"""Rate budgets for tests: each a file of its own, gone when the session ends."""

import atexit
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from connectors.budget import Budget

_FOLDER = TemporaryDirectory()
atexit.register(_FOLDER.cleanup)


def fresh_budget(**changes: Any) -> Budget:
    """Make a budget of Reddit's size under which one refusal for haste is told at once."""
    settings = {"limit": 1_000, "tries": 1, **changes}
    return Budget(Path(_FOLDER.name) / f"{uuid4().hex}.sqlite", **settings)
