"""Everything Confide refuses or fails at, as one tree.

CorpusError
├── BadInput            exit 2: the person can mend it (a file, a line, an option)
│   ├── StudyInvalid        study.toml breaks a rule
│   ├── CodebookInvalid     a codebook breaks a rule
│   ├── KeyUnreadable       the project key is missing, short or readable by others
│   ├── CredentialMissing   a platform or Label Studio needs a credential
│   ├── VaultLocked         the vault does not open with this key
│   └── BackupUnreadable    a backup is none, damaged, or does not open with these keys
├── PolicyRefused       exit 3: a rule of the study or of the law forbids it
├── SourceRefused       exit 1: the platform said no; asking again does not help
├── SourceUnavailable   exit 1: the platform is down or busy; a later try may work
├── LabelStudioError    exit 1: the annotation server refused or is not there
├── ServerError         exit 1: Prefect's server does not start, or is gone
├── WarehouseError      exit 1: the store is newer than this program, or inconsistent
│   └── StoreBusy           another program holds it; a later try may work
├── DiskFull            exit 1: no room to write; the next run goes on once there is
└── UnexpectedFailure   exit 1: a fault of ours, told without any value

A message names source, file, rule, count and remedy; never a post's text or a person.
"""


class CorpusError(Exception):
    """Say in one sentence what went wrong and what to do."""

    exit_code = 1


class BadInput(CorpusError):
    """Something the person wrote or set can be mended."""

    exit_code = 2


class StudyInvalid(BadInput):
    """A key of study.toml is unknown, of the wrong type or contradicts another."""


class CodebookInvalid(BadInput):
    """A codebook file breaks a rule of the codebook's model."""


class KeyUnreadable(BadInput):
    """The project key is missing, too short, inside the study or readable by others."""


class CredentialMissing(BadInput):
    """A source or Label Studio needs a credential that the environment does not hold."""


class ModelMissing(BadInput):
    """The names model is asked for, and its packages are not installed."""


class VaultLocked(BadInput):
    """The vault was sealed with another key."""


class BackupUnreadable(BadInput):
    """A file is no backup, was changed or cut off, or was sealed with another key."""


class PolicyRefused(CorpusError):
    """A rule of the study's policy forbids the run."""

    exit_code = 3


class SourceRefused(CorpusError):
    """The platform refuses for good: private, gone, banned, or wrong credentials.

    `status` and `reason` are the platform's own status and word, where it gave them.
    """

    def __init__(
        self, message: str, *, status: int | None = None, reason: str | None = None
    ) -> None:
        """Keep the platform's own words beside the sentence."""
        super().__init__(message)
        self.status = status
        self.reason = reason


class SourceUnavailable(CorpusError):
    """The platform cannot answer now; another try may work.

    `retry_after_seconds` is the platform's own word, where it gave one.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        """Keep the platform's own waiting time beside the sentence."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class LabelStudioError(CorpusError):
    """Label Studio is unreachable, unsafe (telemetry on) or refused a request."""


class ServerError(CorpusError):
    """Prefect's server ended while starting, or does not answer."""


class WarehouseError(CorpusError):
    """The warehouse is busy, was written by a newer version, or fails a check."""


class StoreBusy(WarehouseError):
    """Another flow or program holds the warehouse or the vault; another try may work."""


class DiskFull(CorpusError):
    """There was no room to write; what was committed before stays."""


class UnexpectedFailure(CorpusError):
    """A fault of ours: the kind of error and its place, never a value."""
