"""One library in one process: `python -m benchmarks.dns_client TASK` asks for some seconds, and prints what it got.

So many tasks take name after name, each the next one when it has its answer. Runs in the rivals' environments too.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import count
from typing import Any

from benchmarks.dns_names import held, missing
from benchmarks.dns_task import MISSES, Done, Task

BATCHES = 4

Ask = Callable[[str], Awaitable[bool | None]]
"""Says whether the record is at a name; None where that could not be seen."""
AskMany = Callable[[list[str]], Awaitable[tuple[int, int]]]
"""Says at how many of the names the record is, and of how many that could not be seen."""
Open = Callable[[Task], AbstractAsyncContextManager[Ask]]
OpenMany = Callable[[Task], AbstractAsyncContextManager[AskMany]]


@dataclass(frozen=True, slots=True)
class _Mark:
    at: float
    cpu: float
    right: int
    wrong: int


class _Tally:
    """What has been said so far."""

    def __init__(self, task: Task) -> None:
        self._name_of, self._truth = (missing, False) if task.kind == MISSES else (held, True)
        self._numbers = count()
        self.right = 0
        self.wrong = 0
        self.over = False

    @property
    def names(self) -> int:
        return next(self._numbers)

    def mark(self) -> _Mark:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return _Mark(time.perf_counter(), used.ru_utime + used.ru_stime, self.right, self.wrong)

    async def one_by_one(self, ask: Ask) -> None:
        while not self.over:
            if await ask(self._name_of(next(self._numbers))) is self._truth:
                self.right += 1
            else:
                self.wrong += 1

    async def batch_by_batch(self, ask: AskMany, size: int) -> None:
        while not self.over:
            names = [self._name_of(next(self._numbers)) for _ in range(size)]
            found, unseen = await ask(names)
            right = found if self._truth else size - found - unseen
            self.right += right
            self.wrong += size - right


def main() -> None:
    """Do what the command line says."""
    task = Task.from_json(sys.argv[1])
    rival = import_module(f"benchmarks.dns_{task.rival}")
    run = _batches(task, rival.opened_for_many) if task.batch else _names(task, rival.opened)
    print(json.dumps(asdict(asyncio.run(run))), flush=True)
    # not every library's threads let the interpreter end in order
    os._exit(0)


async def _names(task: Task, opened: Open) -> Done:
    async with opened(task) as ask:
        tally = _Tally(task)
        return await _timed(task, tally, [tally.one_by_one(ask) for _ in range(task.at_once)])


async def _batches(task: Task, opened: OpenMany) -> Done:
    async with opened(task) as ask:
        tally = _Tally(task)
        # more than one, so that the end of one is not all that is under way
        return await _timed(task, tally, [tally.batch_by_batch(ask, task.batch) for _ in range(BATCHES)])


async def _timed(task: Task, tally: _Tally, work: Iterable[Coroutine[Any, Any, None]]) -> Done:
    workers = [asyncio.create_task(one) for one in work]
    first, last = [mark async for mark in _marks(tally, task)]
    tally.over = True
    # not cancelled: not every library lets a cancellation through
    await asyncio.gather(*workers)
    cpu = round(last.cpu - first.cpu, 4)
    return Done(last.right - first.right, last.wrong - first.wrong, last.at - first.at, cpu, tally.names)


async def _marks(tally: _Tally, task: Task) -> AsyncIterator[_Mark]:
    for seconds in (task.warm, task.seconds):
        await asyncio.sleep(seconds)
        yield tally.mark()


if __name__ == "__main__":
    main()
