"""The embedded Label Studio's data directory: its login, surroundings and upkeep.

Everything in it is private to its owner. What has to be done to the database itself is done
by the Python that runs the server, with secrets on its standard input.
"""

import json
import os
import secrets
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path

from schema.errors import LabelStudioError

USERNAME = "admin@confide.invalid"
UPKEEP_TIMEOUT_SECONDS = 300.0
DEAD_PROXY = "http://127.0.0.1:9"  # the discard port: refused at once
DATA_VARIABLE = "LABEL_STUDIO_BASE_DATA_DIR"
LOG_FILE = "server.log"
LOGIN_FILE = "login.json"
_DATABASE_FILE = "label_studio.sqlite3"
# what shows words of posts or of coders there; accounts and projects name nobody but the team
TEXTS_OF_POSTS = {
    "task": ("data", "meta"),
    "task_completion": ("result", "prediction"),
    "tasks_annotationdraft": ("result",),
    "prediction": ("result",),
}
_EXPORT_FOLDERS = ("export", "media/export", "media/upload")
_REWRITE = """
import sqlite3, sys
database = sqlite3.connect(sys.stdin.read(), timeout=60)
database.execute("VACUUM")
database.close()
"""

_SET_ACCOUNT = """
import json, sys
from label_studio.server import _setup_env
_setup_env()
from rest_framework.authtoken.models import Token
from users.models import User
given = json.load(sys.stdin)
user = User.objects.get(email=given["username"])
user.set_password(given["password"])
user.save()
Token.objects.filter(user=user).delete()
Token.objects.create(user=user, key=given["token"])
"""


@dataclass(frozen=True, slots=True)
class Login:
    """An account: how a person signs in, and the token its client takes."""

    username: str
    password: str = field(repr=False)
    token: str = field(repr=False)
    is_shown: bool = False  # the password, to whoever hands it to its person


def read_login(data_dir: Path) -> Login:
    """Return the administrator's login; it is made, and written 0600, where there is none.

    Raises:
        LabelStudioError: the file is damaged.
    """
    path = data_dir / LOGIN_FILE
    if not path.exists():
        made = Login(USERNAME, secrets.token_urlsafe(18), secrets.token_hex(20))
        write_private(path, json.dumps(asdict(made)))
    try:
        return Login(**json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError):
        raise LabelStudioError(
            f"{path} is damaged: delete it, and the next start makes a new login"
        ) from None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def environment(data_dir: Path, login: Login) -> dict[str, str]:
    """Name everything the server may know; Label Studio reads bare `DEBUG`, `PORT`, … too."""
    home = data_dir / "home"
    home.mkdir(exist_ok=True, mode=0o700)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "http_proxy": DEAD_PROXY,
        "https_proxy": DEAD_PROXY,
        "no_proxy": "127.0.0.1,localhost",
        "DJANGO_SETTINGS_MODULE": "label_studio.core.settings.label_studio",
        DATA_VARIABLE: str(data_dir),
        "LABEL_STUDIO_USERNAME": login.username,
        "LABEL_STUDIO_PASSWORD": login.password,
        "LABEL_STUDIO_USER_TOKEN": login.token,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # else that token answers 401
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_CONVERTER_DOWNLOAD_RESOURCES": "false",
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "LABEL_STUDIO_CORS_ALLOW_ALL_ORIGINS": "false",
        "LABEL_STUDIO_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "LABEL_STUDIO_ENABLE_LOCAL_FILES_STORAGE": "false",
    }


def purge_files(program: Path, data_dir: Path) -> int:
    """Delete what removed tasks leave behind; return how many exported files went.

    Exports that people made hold whole texts, and neither deleting the export nor its project
    removes them; the database keeps deleted rows in free pages until it is rewritten; the
    server's log names what was asked for. Works while the server runs. What remains is what
    the file system and its backups keep of files they gave up.

    Raises:
        LabelStudioError: the database was busy for a minute.
    """
    exported = [
        path
        for folder in _EXPORT_FOLDERS
        for path in (data_dir / folder).rglob("*")
        if path.is_file()
    ]
    for path in exported:
        path.unlink(missing_ok=True)
    log = data_dir / LOG_FILE
    if log.exists():
        os.truncate(log, 0)
    if has_database(data_dir):
        run_server_python(program, data_dir, _REWRITE, str(data_dir / _DATABASE_FILE))
    return len(exported)


def has_database(data_dir: Path) -> bool:
    """Tell whether a server ever ran here."""
    return (data_dir / _DATABASE_FILE).exists()


def database(data_dir: Path) -> Path:
    """Tell where the server's database lies."""
    return data_dir / _DATABASE_FILE


def restore_account(program: Path, data_dir: Path, login: Login) -> None:
    """Set an account's password and token in the database, making neither.

    Raises:
        LabelStudioError: there is no such account.
    """
    run_server_python(program, data_dir, _SET_ACCOUNT, json.dumps(asdict(login)))


def run_server_python(program: Path, data_dir: Path, code: str, given: str) -> None:
    """Run `code` on the Python that runs the server, with `given` on its standard input.

    Raises:
        LabelStudioError: it failed.
    """
    login = read_login(data_dir)
    done = subprocess.run(
        [str(program.with_name("python")), "-c", code],
        input=given,
        env=environment(data_dir, login),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
        timeout=UPKEEP_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1].split(":")[0]
        raise LabelStudioError(f"Label Studio's own Python failed on its database ({last})")
