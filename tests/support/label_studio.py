"""The real Label Studio for tests: migrated once, started once a session from a copy.

The migrated template is kept between sessions, in the pytest's cache, under the name of the
lock it was made from; a first start takes half a minute, one from the copy a few seconds.
"""

import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from filelock import FileLock

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.label_studio_server import Login, ServerHandle, running_label_studio, set_account
from schema.codebook import Codebook
from schema.vocabulary import UnitKind
from tests.support.coding_tasks import CODER
from tests.support.needs import REPOSITORY, missing

PROGRAM = REPOSITORY / ".venv-label-studio" / "bin" / "label-studio"
LOCK = REPOSITORY / "label-studio" / "requirements.lock"


@pytest.fixture(scope="session")
def label_studio_program() -> Path:
    """Return the server's program; the test skips where it is not installed."""
    if not PROGRAM.is_file():
        missing("Label Studio is not installed (make .venv-label-studio/.ok)")
    return PROGRAM


@pytest.fixture(scope="session")
def label_studio_template(label_studio_program: Path) -> Path:
    """Return a data directory whose database is migrated and has its login."""
    name = sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = REPOSITORY / ".pytest_cache" / "label-studio" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            draft = folder.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            with running_label_studio(label_studio_program, draft):
                pass
            draft.rename(folder)
    return folder


@pytest.fixture(scope="session")
def label_studio_server(
    label_studio_program: Path,
    label_studio_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerHandle]:
    """Run one server for the session."""
    data_dir = tmp_path_factory.mktemp("label-studio") / "data"
    shutil.copytree(label_studio_template, data_dir)
    with running_label_studio(label_studio_program, data_dir) as handle:
        yield handle


@pytest.fixture(scope="session")
def client(label_studio_server: ServerHandle) -> label_studio.Client:
    """Return the administrator's client."""
    return label_studio.connect(label_studio_server.url, label_studio_server.token)


@pytest.fixture(scope="session")
def coder_login(
    label_studio_server: ServerHandle,
    client: label_studio.Client,
    tmp_path_factory: pytest.TempPathFactory,
) -> Login:
    """Return the account of one coder."""
    path = tmp_path_factory.mktemp("coders") / "coders.json"
    return label_studio.ensure_coders(
        client, [CODER], path, reset=lambda login: set_account(label_studio_server, login)
    )[CODER]


@pytest.fixture(scope="session")
def coder(label_studio_server: ServerHandle, coder_login: Login) -> label_studio.Client:
    """Return the coder's own client."""
    return label_studio.connect(label_studio_server.url, coder_login.token)


@pytest.fixture(scope="session")
def codebook() -> Codebook:
    """Return the codebook that ships."""
    return load_codebook()


@pytest.fixture
def project(
    client: label_studio.Client, codebook: Codebook, new_key: Callable[[], label_studio.ProjectKey]
) -> label_studio.Project:
    """Return a project of the coder's that no other test uses."""
    return label_studio.ensure_project(client, new_key(), codebook)


@pytest.fixture(scope="session")
def new_key(codebook: Codebook) -> Callable[[], label_studio.ProjectKey]:
    """Return a maker of keys, each of another round."""
    numbers = iter(range(1, 1000))
    version = codebook.version

    def make(unit_kind: UnitKind = "root") -> label_studio.ProjectKey:
        return label_studio.ProjectKey("W1", version, f"T{next(numbers)}", unit_kind, CODER)

    return make


@pytest.fixture
def page_server() -> Iterator[Callable[[dict[str, str]], str]]:
    """Serve pages by path on loopback: for what the real server cannot be made to show."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name the standard library calls
            self._answer(pages.get(self.path, ""))

        def do_POST(self) -> None:
            self._answer('{"access": "d.e.f"}')

        def _answer(self, text: str) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def serve(given: dict[str, str]) -> str:
            pages.update(given)
            return f"http://127.0.0.1:{web.server_port}"

        yield serve
        web.shutdown()
        thread.join()
