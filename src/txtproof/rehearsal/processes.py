"""The shell's real processes, `celery -A worker.app worker` and `beat`, started and ended in order."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import txtproof

ROOT = Path(txtproof.__file__).parents[2]
"""Where config/, tasks/ and worker/ stand, in a checkout."""
STOPS_WITHIN = 20.0
"""Seconds for a warm shutdown; then it is killed."""


class Celery:
    """One Celery process for as long as the `with` block lasts; what it writes goes into one file."""

    def __init__(
        self, what: str, environ: Mapping[str, str], log: Path, *options: str, app: str = "worker.app"
    ) -> None:
        self.log = log
        self._command = [sys.executable, "-m", "celery", "--skip-checks", "-A", app, what, *options]
        self._environ = {**_inherited(), **environ}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # a session of its own: a Ctrl-C at the terminal is for the story, which ends its parts in order
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=_shell(), env=self._environ, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the main process's id."""
        assert self._process is not None, "it runs inside the with block only"
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, where it has ended."""
        return self._process.poll() if self._process else None

    def terminate(self) -> None:
        """Ask it to stop, and go on at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """Stop it, and whatever it started."""
        if self._process is None:
            return
        self.terminate()
        try:
            self._process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End its whole session as a crash would."""
        assert self._process is not None, "it runs inside the with block only"
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _inherited() -> dict[str, str]:
    """Return the environment without settings of ours: a rehearsal must not reach the real world."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TXTPROOF_")}
    paths = [str(_shell()), str(Path(txtproof.__file__).parents[1]), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}


def _shell() -> Path:
    """Return the directory of the shell: a checkout, or the image's working directory."""
    for place in (Path.cwd(), ROOT):
        if (place / "worker" / "app.py").is_file():
            return place
    raise RuntimeError("worker/app.py is not here: start the rehearsal in a checkout of txtproof")
