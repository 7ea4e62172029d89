"""How a Celery task, which is a plain function, works on an event loop that outlives it.

Celery 5.7 has no asyncio: one `asyncio.Runner` per pool process owns the loop and the clients, from the fork to the
end of the process.
"""

import asyncio
import fcntl
import logging
import mmap
from collections.abc import Coroutine
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


HELD_BACK = 0.005
"""Seconds before a bell of a drain is rung: a drain that is over by then goes on with that lane itself."""

_PLACES = {step: place for place, step in enumerate(Step)}


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
        self._attended = mmap.mmap(-1, len(_PLACES))

    def stop(self) -> None:
        """Have no row begun any more, in any process of the worker."""
        self._stopping[0] = 1

    def stopping(self) -> bool:
        """Say whether the worker is about to end."""
        return self._stopping[0] == 1

    def attend(self, step: Step) -> None:
        """Say that whoever has the lane looks once more for work in it after letting go: no bell is needed."""
        self._attended[_PLACES[step]] = 1

    def attended(self, step: Step) -> bool:
        """Say whether that was said of the lane. A process that died may have said it: the sweep rings all the same."""
        return self._attended[_PLACES[step]] == 1

    def take(self, step: Step) -> bool:
        """Have the lane for this process; return False, at once, where another process has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _PLACES[step])
        except OSError:
            return False
        return True

    def let_go(self, step: Step) -> None:
        """Let another process have the lane, where this one has it."""
        self._attended[_PLACES[step]] = 0
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _PLACES[step])


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
    """Work on a lane until it is empty or the time is up, and then on those that it has given work to meanwhile."""
    here = home()
    clock = here.services.workflow.clock
    ends = clock.elapsed() + PATIENCE.total_seconds()
    due = [step]
    try:
        while due and not here.lanes.stopping() and (left := ends - clock.elapsed()) > 0:
            mine, *others = due
            for other in others:
                here.run(ring(other))
            due = _drained(here, mine, timedelta(seconds=left))
        for other in due:
            here.run(ring(other))
    except StoreUnavailable as fault:
        # rows keep their place: the next bell finds them
        log.warning("%s: left until the store is back: %s", step.value, fault)


def _drained(here: Home, step: Step, patience: timedelta) -> list[Step]:
    """Work on a lane, if no other process does; return the lanes with work that nobody has been told of."""
    if not here.lanes.take(step):
        return []
    here.lanes.attend(step)
    bells = Bells(here.lanes)

    async def let_go() -> None:
        here.lanes.let_go(step)
        await ring(step)

    lane = here.services.workflow.drain(step, bells.ring, patience, stopping=here.lanes.stopping, let_go=let_go)
    try:
        here.run(lane)
    finally:
        here.lanes.let_go(step)
        owed = bells.stop()
    # who would have rung while the lane was attended here did not; and the time may have been up
    due = here.run(here.services.store.due())
    return sorted(due & {step, *owed}, key=lambda one: one is step)


async def ring(step: Step) -> None:
    """Say that a lane has work. A bell may be lost: the sweep rings again within a second."""
    await asyncio.to_thread(_ring, step)


async def ring_unless_attended(lanes: Lanes, step: Step) -> None:
    """Ring where a bell is of use: a bell costs more CPU time than a step of a verification."""
    if not lanes.attended(step):
        await ring(step)


class Bells:
    """The bells of one drain, each held back for a moment."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._held: dict[Step, asyncio.TimerHandle] = {}

    async def ring(self, step: Step) -> None:
        """Ring in a moment, unless by then `stop` says that it was not necessary."""
        if step not in self._held and not self._lanes.attended(step):
            self._held[step] = asyncio.get_running_loop().call_later(HELD_BACK, self._sound, step)

    def stop(self) -> list[Step]:
        """Return those that were not rung."""
        for bell in self._held.values():
            bell.cancel()
        return list(self._held)

    def _sound(self, step: Step) -> None:
        del self._held[step]
        if not self._lanes.attended(step):
            asyncio.get_running_loop().run_in_executor(None, _ring, step)


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
