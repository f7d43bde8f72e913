"""A study opened for work: its folder, model, key, clock and credentials."""

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from connectors import bluesky_requests as bluesky
from connectors.budget import Budget
from connectors.keys import ProjectKey, read_key_file
from connectors.reddit import RedditCredentials
from flows import clock
from flows.environment import STUDY_VARIABLE
from flows.lost_vault import refuse_if_lost
from flows.shredded import read_mark, refuse_if_shredded
from schema.errors import BadInput, CredentialMissing, KeyUnreadable
from schema.study import Study, is_loopback
from schema.study_file import load_study
from schema.vocabulary import Platform

KEY_VARIABLE = "CONFIDE_KEY"
KEY_COMMAND_VARIABLE = "CONFIDE_KEY_COMMAND"
REDDIT_VARIABLES = ("CONFIDE_REDDIT_CLIENT_ID", "CONFIDE_REDDIT_CLIENT_SECRET")
KEY_COMMAND_TIMEOUT_SECONDS = 60
BLUESKY_VARIABLES = ("CONFIDE_BLUESKY_HANDLE", "CONFIDE_BLUESKY_PASSWORD")
BUDGET_MINUTES = 10  # over which Reddit counts


@dataclass(frozen=True)
class Workspace:
    """Where a study's files lie, and what a flow needs to work on them."""

    directory: Path
    study: Study

    @property
    def warehouse(self) -> Path:
        """The pseudonymous store that flows write."""
        return self.directory / "warehouse.duckdb"

    @property
    def vault(self) -> Path:
        """The sealed map from native ids to pseudonyms."""
        return self.directory / "vault.sqlite"

    @property
    def published(self) -> Path:
        """What analysts open."""
        return self.directory / "published" / "corpus.duckdb"

    @property
    def safety_log(self) -> Path:
        """Crisis flags, outside the warehouse."""
        return self.directory / "safety.jsonl"

    @property
    def state(self) -> Path:
        """Prefect's and Label Studio's own data."""
        return self.directory / "var"

    @property
    def codebook(self) -> Path | None:
        """The study's codebook; None means the one that ships."""
        name = self.study.study.codebook
        return None if name is None else self.directory / name

    @property
    def since(self) -> datetime:
        """Nothing created earlier is kept."""
        return datetime.combine(self.study.study.since, time.min, tzinfo=UTC)

    @property
    def until(self) -> datetime | None:
        """Nothing created after this day is kept."""
        last = self.study.study.until
        return None if last is None else datetime.combine(last, time.max, tzinfo=UTC)

    def now(self) -> datetime:
        """Tell the time this study lives in."""
        return clock.now(self.study)

    @property
    def key(self) -> ProjectKey:
        """The project key, for a study that has its vault or begins one.

        Raises:
            KeyUnreadable: nowhere to be found, or not fit to be used.
            PolicyRefused: the study was shredded, so that nothing may be linked again.
            VaultLocked: the vault is gone from beside a warehouse.
        """
        refuse_if_shredded(self.directory)
        self.refuse_lost_vault()
        return self._key

    def refuse_lost_vault(self) -> None:
        """Refuse where the vault is gone from beside a warehouse, and not by shredding.

        Raises:
            VaultLocked: it is.
        """
        if read_mark(self.directory) is None:
            refuse_if_lost(self.vault, self.warehouse, now=self.now())

    @cached_property
    def _key(self) -> ProjectKey:
        return self.read_key()

    def read_key(self) -> ProjectKey:
        """Read the key from where it lies, whatever became of the study."""
        return read_project_key(self.study.study.name, self.directory)

    def reddit_credentials(self) -> RedditCredentials:
        """Read who asks Reddit from the environment.

        Raises:
            CredentialMissing: the environment lacks one.
        """
        reddit = self.study.platforms.reddit
        return RedditCredentials(
            client_id=_credential(REDDIT_VARIABLES[0]),
            client_secret=_credential(REDDIT_VARIABLES[1]),
            user_agent=reddit.user_agent or f"confide (study {self.study.study.name})",
            url=reddit.url,
            oauth_url=reddit.oauth_url,
        )

    def reddit_budget(self) -> Budget:
        """Say how fast Reddit may be asked: one budget for all that this client id asks here.

        Studies share it, as Reddit counts a client's requests; an invented platform's is the
        study's own.
        """
        reddit = self.study.platforms.reddit
        client = f"{reddit.oauth_url} {os.environ.get(REDDIT_VARIABLES[0])}"
        is_invented = self.study.is_invented("reddit")
        folder = self.state if is_invented else state_directory() / "budgets"
        return Budget(
            path=folder / f"reddit-{sha256(client.encode()).hexdigest()[:16]}.sqlite",
            limit=reddit.requests_per_minute * BUDGET_MINUTES,
            window_seconds=BUDGET_MINUTES * 60.0 / self._speed("reddit"),
        )

    def bluesky_budget(self, url: str) -> Budget:
        """Say how fast a Bluesky server may be asked: one budget for all that asks it from here.

        Studies share it, as a server counts an address's requests; an invented network's is the
        study's own.
        """
        server = sha256(urlsplit(url).netloc.encode()).hexdigest()[:16]
        return Budget(
            path=self.shared_state("bluesky") / "budgets" / f"bluesky-{server}.sqlite",
            limit=bluesky.REQUESTS,
            window_seconds=bluesky.WINDOW_SECONDS / self._speed("bluesky"),
        )

    def _speed(self, platform: Platform) -> int:
        """Tell how much sooner an invented platform's window passes: its clock may run fast."""
        return clock.speed(self.study) if self.study.is_invented(platform) else 1

    def shared_state(self, platform: Platform) -> Path:
        """Tell where lies what outlives a study; an invented platform's lies in the study."""
        return self.state if self.study.is_invented(platform) else state_directory()


def open_workspace(directory: Path | None = None) -> Workspace:
    """Open the study in `directory`, or the one the environment names."""
    found = directory or Path(os.environ.get(STUDY_VARIABLE, "."))
    path = found.resolve()
    return Workspace(path, load_study(path / "study.toml"))


def config_directory() -> Path:
    """Tell where keys and lists of authors live: outside every study."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "confide"


def state_directory() -> Path:
    """Tell where this account keeps what outlives a study: how fast platforms may be asked."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "confide"


def read_project_key(study_name: str, directory: Path) -> ProjectKey:
    """Read a study's key from where it lies; never from inside the study's folder.

    Raises:
        KeyUnreadable: nowhere to be found, or not fit to be used.
    """
    if text := os.environ.get(KEY_VARIABLE):
        return ProjectKey.from_hex(text)
    if command := os.environ.get(KEY_COMMAND_VARIABLE):
        return ProjectKey.from_hex(_output_of(command))
    return read_key_file(key_file(study_name), study_dir=directory)


def backup_key_file(study_name: str) -> Path:
    """Tell where the key of a study's last backup lies."""
    return config_directory() / f"{study_name}.backup.key"


def backup_key_files(study_name: str) -> list[Path]:
    """List the keys that open a backup of a study: more than one where a backup was cut off."""
    path = backup_key_file(study_name)
    return [one for one in (path, *sorted(path.parent.glob(f"{path.name}.*"))) if one.is_file()]


def key_file(study_name: str) -> Path:
    """Tell where a study's key is looked for when no variable gives it."""
    return config_directory() / f"{study_name}.key"


def read_private_lines(path_text: str, *, source: str, study_directory: Path) -> list[str]:
    """Read a 0600 file of names outside the study, one a line; `#` opens a comment.

    Raises:
        BadInput: missing, readable by others, or inside the study.
    """
    what = f"source {source}: its file of names"
    text = read_private_file(Path(path_text), what=what, study_directory=study_directory)
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_private_file(path: Path, *, what: str, study_directory: Path) -> str:
    """Read a 0600 file outside the study; a relative path begins at the study.

    Raises:
        BadInput: missing, readable by others, or inside the study.
    """
    path = path.expanduser()
    if not path.is_absolute():
        path = study_directory / path
    if not path.is_file():
        raise BadInput(f"{what} does not exist: create it, mode 0600")
    if path.resolve().is_relative_to(study_directory):
        raise BadInput(
            f"{what} lies inside the study: move it out, to {config_directory()} for example"
        )
    if path.stat().st_mode & 0o077:
        raise BadInput(f"{what} is readable by others: chmod 600 it")
    return path.read_text("utf-8", errors="replace")


def _credential(name: str) -> str:
    if value := os.environ.get(name):
        return value
    raise CredentialMissing(f"{name} is not set: export the credential of your approved client")


def _output_of(command: str) -> str:
    try:
        done = subprocess.run(  # the person's own command, as their shell runs it
            command,
            shell=True,
            capture_output=True,
            text=True,
            timeout=KEY_COMMAND_TIMEOUT_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        raise KeyUnreadable(
            f"the command in {KEY_COMMAND_VARIABLE} failed: run it yourself and mend it"
        ) from None
    return done.stdout.strip()


def needs_ethics(study: Study) -> bool:
    """Tell whether any platform of the study is the real one."""
    return not all(is_loopback(url) for url in study.platform_urls().values())
