"""How a Celery task, which is a plain function, works on an event loop that outlives it.

Celery 5.7 has no asyncio: one `asyncio.Runner` per pool process owns the loop and the clients, from the fork to the
end of the process.
"""

import asyncio
import fcntl
import logging
import mmap
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any, TypeVar
from uuid import uuid4

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from kombu.exceptions import OperationalError

from txtproof.assembly import Services
from txtproof.core.model import Step
from txtproof.ports import StoreUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=10)
"""How long a task goes on claiming: with the longest visit (25 s) on top it ends before the soft limit (40 s)."""


class Lanes:
    """Let one process of a worker work on a lane at a time, so that a slow lane never takes every process.

    Must be made before the pool forks: what is in it is the same in all processes of the worker. Record locks belong
    to a process: the system releases them when it dies, and a file without a name leaves nothing behind.
    """

    def __init__(self) -> None:
        self.worker = uuid4().hex
        """Names this worker and no other: by it the store knows what a process of its that died has held."""
        self._file: IO[bytes] = TemporaryFile()  # noqa: SIM115  # as long as the process lives
        self._stopping = mmap.mmap(-1, 1)

    def stop(self) -> None:
        """Have no row begun any more, in any process of the worker."""
        self._stopping[0] = 1

    def stopping(self) -> bool:
        """Say whether the worker is about to end."""
        return self._stopping[0] == 1

    @contextmanager
    def taken(self, step: Step) -> Iterator[bool]:
        """Hold the lane for the block; yield False, at once, where another process holds it."""
        place = list(Step).index(step)
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)


@dataclass(frozen=True, slots=True)
class Home:
    """What a pool process has: its loop, its clients, and the locks it shares with its siblings."""

    runner: asyncio.Runner
    services: Services
    lanes: Lanes

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; past the soft limit nothing of it is left on the loop."""
        try:
            return self.runner.run(work)
        except SoftTimeLimitExceeded:
            self.runner.run(_cancel_the_rest())
            raise


_home: Home | None = None


def settle(home: Home | None) -> None:
    """Tell the tasks of this process where they live; None: nowhere any more."""
    global _home  # noqa: PLW0603  # Celery calls tasks as plain functions: there is one home per process
    _home = home


def home() -> Home:
    """Return where this process lives."""
    if _home is None:
        raise RuntimeError("tasks run in a worker's pool process: start one with `celery -A worker.app worker`")
    return _home


def drain(step: Step) -> None:
    """Work on a lane until it is empty or the time is up."""
    here = home()
    try:
        with here.lanes.taken(step) as alone:
            if not alone:
                return
            here.run(here.services.workflow.drain(step, ring, PATIENCE, here.lanes.stopping))
        # a bell that rang while the lane was held here was answered by nobody; and the time may have been up
        if step in here.run(here.services.store.due()):
            here.run(ring(step))
    except StoreUnavailable as fault:
        # rows keep their place: the next bell finds them
        log.warning("%s: left until the store is back: %s", step.value, fault)


async def ring(step: Step) -> None:
    """Say that a lane has work. A bell may be lost: the sweep rings again within a second."""
    await asyncio.to_thread(_ring, step)


def _ring(step: Step) -> None:
    try:
        current_app.send_task(f"verification.{step.value}", retry=False)
    except OperationalError as fault:
        log.warning("%s: the bell was not heard: %s", step.value, type(fault).__name__)


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
