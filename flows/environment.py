"""What must stand in the environment before Prefect is imported.

Every default is set here and nowhere else, and only where the person set nothing.
Sources: Prefect's settings reference; `shared/facts/prefect.md` for what each one cures.
"""

import os
from pathlib import Path

STUDY_VARIABLE = "CONFIDE_STUDY"


def prepare(study_directory: Path) -> None:
    """Point Prefect and the flows at a study; keep both silent towards the outside."""
    directory = study_directory.resolve()
    home = directory / "var" / "prefect"
    os.environ[STUDY_VARIABLE] = str(directory)
    if directory.is_dir():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in _defaults(home).items():
        os.environ.setdefault(name, value)


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
        "PREFECT_CLI_PROMPT": "false",
    }
