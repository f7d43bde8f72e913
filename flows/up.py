"""`confide up`: everything a study needs to be collected for months, on loopback.

One process watches over others, each in a session of its own so that Ctrl-C in a terminal ends
them in order: Prefect's server, the process that runs what is due (serving.py), the streams, and
Label Studio. What ends by itself is started again, after a longer wait each time. The lock in
`var/` is the operating system's: a crash releases it, and the next `confide up` ends what the
crashed one left running.
"""

import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from subprocess import DEVNULL, PIPE, Popen
from threading import Event
from time import monotonic
from typing import Final

from annotation import label_studio_server
from flows.ending import stopping_on_signals
from flows.environment import API_VARIABLE, DRAWN_FILE, PART_VARIABLE, UP_FILE
from flows.journal import note
from flows.parts import Part, Say
from flows.readiness import (
    HOST,
    LOOK_SECONDS,
    MARK,
    check,
    end_leftovers,
    is_prefect,
    refuse_taken,
    up_alone,
)
from flows.schedules import followed
from flows.workspace import Workspace
from schema.errors import ServerError

START_SECONDS: Final = 180.0
# A server that ended is back within five minutes (parts.py): tries double from two seconds on.
PATIENCE_VARIABLE, PATIENCE_TRIES = "PREFECT_CLIENT_MAX_RETRIES", "8"


@dataclass(slots=True)
class Up:
    """A study that is up: what runs for it, and how it tells of that."""

    workspace: Workspace
    port: int
    say: Say
    stop: Event = field(default_factory=Event)
    parts: list[Part] = field(default_factory=list)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def ui(self) -> str:
        """Where people look."""
        return f"http://{HOST}:{self.port}"

    @property
    def api(self) -> str:
        """Where flows report to."""
        return f"{self.ui}/api"

    def run(self) -> None:
        """Start everything, keep it running until told to stop, end it in order."""
        label_studio = None
        try:
            server = self._part("server", "-m", "prefect", "server", "start")
            # only the pages of the server itself may ask it: no other page in the same browser
            server.environment |= {
                "PREFECT_SERVER_API_HOST": HOST,
                "PREFECT_SERVER_API_PORT": str(self.port),
                "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": self.ui,
            }
            server.start()
            if not self._has_answered(server):
                return
            self._tell_others()
            self._start_flows()
            label_studio = self._start_label_studio()
            note(self.workspace, "up_began", port=self.port)
            self.say(f"up: {self.ui} (Ctrl-C or SIGTERM ends it)")
            while not self.stop.wait(LOOK_SECONDS):
                for part in self.parts:
                    part.keep_running(self._tell)
                self._watch_round()
                label_studio = self._has_label_studio(label_studio)
        finally:
            self._end(label_studio)
            note(self.workspace, "up_ended")

    def _tell(self, said: str) -> None:
        note(self.workspace, "part_ended", said=said)
        self.say(said)

    def _part(self, name: str, *arguments: str, **environment: str) -> Part:
        log = self.workspace.state / f"up-{name}.log"
        part = Part(name, [sys.executable, *arguments], log, {PART_VARIABLE: name, **environment})
        self.parts.append(part)
        return part

    def _has_answered(self, server: Part) -> bool:
        """Wait until the server answers; False where the stop came first.

        Raises:
            ServerError: it ended, or keeps silent.
        """
        deadline = monotonic() + START_SECONDS
        while not is_prefect(self.port):
            if self.stop.wait(LOOK_SECONDS):
                return False
            if server.process is None or server.process.poll() is not None:
                raise ServerError(f"Prefect's server ended while starting: see {server.log}")
            if monotonic() > deadline:
                raise ServerError(
                    f"Prefect's server did not answer within {START_SECONDS:.0f} s: "
                    f"see {server.log}"
                )
        return True

    def _tell_others(self) -> None:
        path = self.workspace.state / UP_FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps({"api": self.api, "pid": os.getpid()}) + "\n", "utf-8")

    def _start_flows(self) -> None:
        joined = {API_VARIABLE: self.api, PATIENCE_VARIABLE: PATIENCE_TRIES}
        began = self.began_at.isoformat()
        self._part("serving", "-m", "flows.serving", began, **joined).start()
        if streams := followed(self.workspace.study):
            study = str(self.workspace.directory)
            verb = ("-m", "flows.cli", "stream", *streams, "--study", study)
            self._part("stream", *verb, **joined).start()

    def _watch_round(self) -> None:
        """Follow the coding round from when one was drawn on: a crisis flag must not wait."""
        is_drawn = (self.workspace.state / DRAWN_FILE).exists()
        if is_drawn and all(part.name != "round" for part in self.parts):
            study = str(self.workspace.directory)
            verb = ("-m", "flows.cli", "round", "--follow", "--study", study)
            self._part("round", *verb, **{API_VARIABLE: self.api}).start()

    def _start_label_studio(self) -> Popen[bytes] | None:
        """Start an embedded Label Studio beside the rest: its first start takes half a minute."""
        if not self.workspace.study.label_studio.embedded:
            return None
        verb = ["-m", "flows.cli", "label-studio", "start", "--study"]
        return Popen(
            [sys.executable, *verb, str(self.workspace.directory)],
            stdin=DEVNULL,
            stdout=DEVNULL,  # it says the administrator's password
            stderr=PIPE,
            start_new_session=True,
        )

    def _has_label_studio(self, starter: Popen[bytes] | None) -> Popen[bytes] | None:
        """Say once what became of its start."""
        if starter is None or starter.poll() is None:
            return starter
        _, error = starter.communicate()
        if starter.returncode:
            told = error.decode("utf-8", "replace").strip().removeprefix("confide: ")
            self.say(f"without Label Studio: {told}")
        else:
            self.say(f"Label Studio: {self.workspace.study.label_studio.url}")
        return None

    def _end(self, starter: Popen[bytes] | None) -> None:
        """End the parts, the server last, since the others report to it."""
        (self.workspace.state / UP_FILE).unlink(missing_ok=True)
        if starter is not None:
            starter.terminate()
            starter.communicate()
        server, *others = self.parts
        for part in others:
            part.ask_to_end()
        for part in (*others, server):
            part.end()
        if self.workspace.study.label_studio.embedded:
            label_studio_server.stop(self.workspace.state / "label-studio")


def up(workspace: Workspace, *, port: int, say: Say) -> None:
    """Bring a study up until SIGTERM or Ctrl-C.

    Raises:
        BadInput: it is up already, the port is taken, or the study has nothing to run.
        ServerError: Prefect's server does not start.
    """
    check(workspace, port)
    with up_alone(workspace):
        if count := end_leftovers(workspace.directory):
            say(f"ended {count} processes that an earlier `confide up` left when it crashed")
        refuse_taken(port)
        os.environ[MARK] = str(workspace.directory)
        study = Up(workspace, port, say)
        with stopping_on_signals(study.stop):
            study.run()
