"""txtproof itself: real Celery workers and a beat, in a world of a Valkey and a Knot."""

import json
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import redis

from benchmarks import limits
from benchmarks.children import end_session, undisturbed
from benchmarks.knot import Knot
from benchmarks.machine import session_of
from txtproof.rehearsal.processes import Celery
from txtproof.rehearsal.valkey import EmbeddedValkey, free_port


class Ground:
    """A fresh Valkey and a fresh Knot, for as long as the `with` block lasts."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.directory = Path(opening.enter_context(tempfile.TemporaryDirectory(prefix="txtproof-bench-")))
            self.valkey = opening.enter_context(EmbeddedValkey())
            self.knot = opening.enter_context(Knot())
            self.client = opening.enter_context(redis.Redis.from_url(self.valkey.url))
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._closing.close()

    @property
    def valkey_pid(self) -> int:
        """Return the server's process id."""
        return int(self.info()["process_id"])

    def used_memory(self) -> int:
        """Return the bytes that Valkey has allocated."""
        return int(self.info()["used_memory"])

    def info(self) -> dict[str, Any]:
        """Return the server's INFO."""
        answer: Any = self.client.info()
        return dict(answer)

    def private_files(self) -> dict[str, str]:
        """Return the variable that keeps what killed processes leave in this ground's directory."""
        return {"TMPDIR": str(self.directory)}

    def settings(self) -> dict[str, str]:
        """Return the variables of workers that live here. Nobody listens where their Nexus should be."""
        return {
            "TXTPROOF_REDIS__URL": self.valkey.url,
            "TXTPROOF_NEXUS__BASE_URL": f"http://127.0.0.1:{free_port()}",
            "TXTPROOF_NEXUS__BEARER_TOKEN": "bench-bearer",
            "TXTPROOF_NEXUS__APPLICATION_TOKEN": "bench-application",
            "TXTPROOF_DNS__RESOLVERS": json.dumps([self.knot.server]),
            "TXTPROOF_DNS__AUTHORITATIVE_PORT": str(self.knot.port),
            "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS": "true",
            "TXTPROOF_WORKER__LOG_LEVEL": "WARNING",
            **self.private_files(),
            **limits.low(),
        }


class Engine:
    """Workers and a beat; killed at the end of the block, since nothing that they leave is looked at again."""

    def __init__(self, ground: Ground, settings: dict[str, str], workers: int = 1, options: Sequence[str] = ()) -> None:
        self._log = ground.directory / "celery.log"
        self._workers = [
            Celery("worker", settings, self._log, "-n", f"bench{number}@%h", *options) for number in range(workers)
        ]
        self._beat = Celery("beat", settings, self._log)

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            for one in (*self._workers, self._beat):
                opening.enter_context(one)
                # killed, before its own exit waits for it: nothing that it would still finish is measured
                opening.callback(end_session, one.pid)
            self._closing = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with undisturbed():
            self._closing.close()

    @property
    def beat_pid(self) -> int:
        """Return beat's process id."""
        return self._beat.pid

    def worker_pids(self) -> list[int]:
        """Return the processes of all workers, the main ones included."""
        return [pid for one in self._workers for pid in session_of(one.pid)]

    def main_pids(self) -> list[int]:
        """Return the workers' main processes."""
        return [one.pid for one in self._workers]

    def freeze(self) -> None:
        """Stop the workers where they are."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have them go on."""
        self._signal(signal.SIGCONT)

    def check(self) -> None:
        """Raise RuntimeError with the end of the log where a process has ended."""
        if any(one.poll() is not None for one in (*self._workers, self._beat)):
            raise RuntimeError(f"a process has ended:\n{self._log.read_text(errors='replace')[-3000:]}")

    def _signal(self, number: signal.Signals) -> None:
        for one in self._workers:
            with suppress(ProcessLookupError):
                os.killpg(one.pid, number)
