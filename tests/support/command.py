"""The command as a person meets it: a process with two streams and an exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)
from typer.testing import CliRunner

from demo.reddit_server import CLIENT_ID, CLIENT_SECRET
from flows.cli import app
from flows.new_study import write_key
from flows.workspace import REDDIT_VARIABLES
from warehouse import store

PROGRAM = Path(sys.executable).with_name("confide")
SECONDS = 240
KEY = bytes(range(32))
NOW = "2026-02-01T12:00:00+00:00"
STUDY = """[study]
name = "{name}"
since = 2026-01-01

[policy]
allow_loopback = true

[platforms.reddit]
url = "{reddit}"
oauth_url = "{reddit}"

[platforms.bluesky]
appview = "{bluesky}"
pds = "{bluesky}"
jetstream = {jetstream}
labelers = {labelers}

{sources}
"""
PORCH = """[[source]]
name = "porch"
kind = "reddit"
subreddit = "QuietPorch"
"""
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing listens


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind: exit code and what it said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err

    def refuses(self, code: int, *words: str) -> None:
        """Assert one sentence on standard error, no trace, and the exit code."""
        assert self.code == code, self.said
        assert self.err.startswith("confide: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.said
        for word in words:
            assert word in self.err, (word, self.err)

    def succeeds(self) -> "Outcome":
        """Assert that nothing went wrong and nothing was complained of."""
        assert (self.code, self.err) == (0, ""), self.said
        return self


@dataclass(frozen=True)
class Place:
    """A study's folder, and the environment its commands run in."""

    folder: Path
    config: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def key_file(self) -> Path:
        """Where this study's key is looked for."""
        return self.config / "confide" / f"{self.folder.name}.key"

    def having(self, **environment: str) -> "Place":
        """Return the same place with more in its environment."""
        return replace(self, environment={**self.environment, **environment})

    def without(self, *names: str) -> "Place":
        """Return the same place with less in its environment."""
        kept = {name: text for name, text in self.environment.items() if name not in names}
        return replace(self, environment=kept)

    def write_study(
        self,
        *,
        reddit: str = NOWHERE,
        bluesky: str = NOWHERE,
        jetstream: Sequence[str] = (),
        labelers: Sequence[str] = (),
        sources: str = PORCH,
    ) -> None:
        """Write a study whose platforms answer at these addresses."""
        self.folder.mkdir(exist_ok=True)
        text = STUDY.format(
            name=self.folder.name,
            reddit=reddit,
            bluesky=bluesky,
            jetstream=json.dumps(list(jetstream)),
            labelers=json.dumps(list(labelers)),
            sources=sources,
        )
        (self.folder / "study.toml").write_text(text, "utf-8")

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start a verb on this study, as a process of its own."""
        words = [*arguments, "--study", str(self.folder)]
        return start(*words, environment=self.variables(), stdin=stdin)

    def run(self, *arguments: str) -> Outcome:
        """Run a verb on this study to its end, as a process of its own."""
        return outcome(self.start(*arguments))

    def invoke(self, *arguments: str, given: str | None = None) -> Outcome:
        """Run a verb inside this process: quicker, where a process adds nothing.

        `given` is what it reads on standard input.
        """
        with ExitStack() as stack:
            stack.enter_context(environment(self.variables()))
            if api := self.environment.get("PREFECT_API_URL"):
                home = self.folder / "var" / "prefect"
                here = {PREFECT_API_URL: api, PREFECT_HOME: home}
                # waiting for the heartbeat's thread would add a second to every flow
                still = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
                stack.enter_context(temporary_settings({**here, **still}))
            words = [*arguments, "--study", str(self.folder)]
            done = CliRunner().invoke(app, words, input=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Outcome(done.exit_code, done.stdout, done.stderr)

    def table_hash(self) -> str:
        """Sum up what the warehouse holds."""
        path = self.folder / "warehouse.duckdb"
        with store.open_warehouse(path, now=datetime.fromisoformat(NOW)) as warehouse:
            return store.table_hash(warehouse)

    def variables(self) -> dict[str, str]:
        """What a command of this study finds in its environment."""
        return {"XDG_CONFIG_HOME": str(self.config), **self.environment}


def place(folder: Path, **environment: str) -> Place:
    """Make a study's place below `folder`, with its key and Reddit's credentials."""
    made = Place(
        folder / "porch-study",
        folder / "config",
        {
            "CONFIDE_NOW": NOW,
            **dict(zip(REDDIT_VARIABLES, (CLIENT_ID, CLIENT_SECRET), strict=True)),
            **environment,
        },
    )
    write_key(made.key_file, KEY)
    return made


def start(
    *arguments: str,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    enter: Sequence[str] = (),
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    """Start `confide`, with these variables besides the session's own.

    `enter`: the words that lead a command into another namespace.
    """
    return subprocess.Popen(
        [*enter, str(PROGRAM), *arguments],
        env={**os.environ, "COLUMNS": "100", **environment},
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(process: subprocess.Popen[str], *, seconds: float = SECONDS) -> Outcome:
    """Wait for a command's end."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Outcome(process.returncode, out, err)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables, and forget afterwards whatever a command set."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
