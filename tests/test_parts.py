"""A process that `confide up` keeps running: started again, and ended with its children."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic

from flows.parts import Part

ONCE = "print('lantern', flush=True); raise SystemExit(3)"
PARENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(child.pid, flush=True)
time.sleep(600)
"""
LONG_ENOUGH_SECONDS = 30.0


def part(folder: Path, program: str) -> Part:
    return Part("the part", [sys.executable, "-c", program], folder / "part.log", {})


def wait_until_logged(log: Path, lines_count: int) -> list[str]:
    deadline = monotonic() + LONG_ENOUGH_SECONDS
    while len(lines := log.read_text("utf-8").splitlines()) < lines_count:
        assert monotonic() < deadline
        Event().wait(0.05)
    return lines


def test_what_ends_is_started_again_after_a_longer_wait_each_time(tmp_path: Path) -> None:
    kept, said = part(tmp_path, ONCE), list[str]()
    kept.start()
    deadline = monotonic() + LONG_ENOUGH_SECONDS
    while len(said) < 2 and monotonic() < deadline:
        kept.keep_running(said.append)
        Event().wait(0.05)
    kept.end()
    log = tmp_path / "part.log"
    assert said == [f"the part ended (3), see {log}: again in {wait} s" for wait in (1, 4)]
    assert wait_until_logged(log, 2) == ["lantern", "lantern"]
    assert log.stat().st_mode & 0o777 == 0o600


def test_it_ends_with_its_children(tmp_path: Path) -> None:
    kept = part(tmp_path, PARENT)
    kept.start()
    [child] = wait_until_logged(tmp_path / "part.log", 1)
    kept.ask_to_end()
    kept.ask_to_end()  # the second asking is no second signal
    kept.end()
    deadline = monotonic() + LONG_ENOUGH_SECONDS
    with suppress(ProcessLookupError, FileNotFoundError):
        while monotonic() < deadline:
            os.kill(int(child), 0)
            state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
            if state == "Z":  # dead, and waiting for somebody to bury it
                return
            Event().wait(0.05)
        os.kill(int(child), signal.SIGKILL)
        raise AssertionError("the child outlived its part")
