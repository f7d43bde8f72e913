"""What must stand in the environment before Prefect is imported.

Every default is set here and nowhere else, and only where the person set nothing.
Sources: Prefect's settings reference; `shared/facts/prefect.md` for what each one cures.
"""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from flows.file_modes import UMASK, close_to_others

STUDY_VARIABLE = "CONFIDE_STUDY"
API_VARIABLE = "PREFECT_API_URL"
PART_VARIABLE = "CONFIDE_PART"  # which part of `confide up` a process is
UP_FILE, UP_LOCK = "up.json", "up.lock"  # below var/: where a `confide up` answers; held by it
DRAWN_FILE = "round-drawn"  # in var/, made by the first draw


def prepare(study_directory: Path) -> None:
    """Point Prefect and the flows at a study; keep both silent towards the outside.

    What this process and its children write from here on is their owner's alone, where it is not
    made to be shared.
    """
    os.umask(UMASK)
    directory = study_directory.resolve()
    home = directory / "var" / "prefect"
    os.environ[STUDY_VARIABLE] = str(directory)
    if directory.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        close_to_others(directory)
    for name, value in _defaults(home).items():
        os.environ.setdefault(name, value)


def join_server(study_directory: Path) -> None:
    """Let runs show in the server of the study's `confide up`, where one runs now."""
    address = running_server(study_directory)
    if address is not None:
        os.environ.setdefault(API_VARIABLE, address)


def running_server(study_directory: Path) -> str | None:
    """Tell where the Prefect server of the study's `confide up` answers; None where none runs.

    A crash leaves the file and releases the lock, so what the file says counts only while the
    lock is held.
    """
    state = study_directory.resolve() / "var"
    try:
        address = str(json.loads((state / UP_FILE).read_text("utf-8"))["api"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_here = urlsplit(address).hostname == "127.0.0.1"
    return address if is_here and is_held(state / UP_LOCK) else None


def is_held(path: Path) -> bool:
    """Tell whether a living process holds a lock."""
    if not path.exists():
        return False
    lock = FileLock(path, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _defaults(home: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(home),
        # one connection instead of many: Prefect's own SQLite otherwise stalls for a minute.
        # The word `:memory:` in the path selects it; the file is durable all the same.
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home}/prefect:memory:.db",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",  # a result could hold what a page held
        # telemetry needs both; the new UI asks the network for its settings even so
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_V2_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # people read our sentences, not Prefect's tracebacks; the server keeps its log
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_CLI_PROMPT": "false",
        # a run that `confide up` starts takes a quarter of a gigabyte, and they share one store
        "PREFECT_RUNNER_PROCESS_LIMIT": "3",
    }
