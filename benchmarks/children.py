"""A process of ours for as long as a `with` block lasts; it and whatever it started are gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

INTERRUPTED = 130


class Child:
    """One process in a session of its own; what it writes goes into a file."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None) -> None:
        self._command = [*command]
        self._environ = {**os.environ, **(environ or {})}
        self.log = log

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._environ, stdout=log, stderr=log, start_new_session=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            end_session(self._process.pid)
            self._process.wait()

    @property
    def pid(self) -> int:
        """Return its id, which is its session's too."""
        return self._process.pid

    def check(self) -> None:
        """Raise RuntimeError with the end of its log where it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._command[0]} has ended:\n{self.log.read_text(errors='replace')[-2000:]}")


def end_session(leader: int) -> None:
    """Kill what is left of a session that we have started."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def program(name: str, package: str) -> str:
    """Return the path of an installed program. Raises RuntimeError that says what to install."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        raise RuntimeError(f"{name} is not installed: apt-get install {package}")
    return found


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep signals waiting while the block cleans up: an interrupt in the midst of it would leave the rest undone."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Have TERM end the block as Ctrl-C does, once: a second one must not cut the clean-up short."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_main(main: Callable[[], None]) -> None:
    """Run a benchmark's main; say in one line why it stopped."""
    try:
        with orderly_end():
            main()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left behind.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except RuntimeError as failed:
        sys.exit(f"Error: {failed}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
