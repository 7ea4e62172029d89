"""A worker process of a crowd: its share of the verifications, each called again as the workflow does."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier

from redis.asyncio import Redis

from txtproof.adapters.publishers.locked import locked
from txtproof.adapters.redis_locks import RedisLocks
from txtproof.core.observations import (
    Ambiguous,
    PublishAnswer,
    Published,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.ports import Publisher

CALL_TIMEOUT = timedelta(seconds=10)
"""As assembly gives it to the locks."""
PATIENCE = 60.0
"""Seconds; a verification that has not got through until then never will."""
PAUSE = 0.1
"""Seconds; the most that is waited before a call is made again, unless the provider asks for more."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a process does, and with what."""

    zone: str
    name: str
    numbers: tuple[int, ...]
    removes: bool
    open_publisher: Callable[[], Publisher]
    redis_url: str = field(repr=False)
    in_flight: int


@dataclass(slots=True)
class Tally:
    """What the calls of a process came to."""

    calls: int = 0
    again: Counter[str] = field(default_factory=Counter)
    """Calls that had to be made anew, by what was answered."""
    seconds: float = 0.0


def value(number: int) -> bytes:
    """Return what a verification publishes."""
    return b"code %d" % number


_meetings: list[Barrier] = []


def meet_at(meeting: Barrier) -> None:
    """Keep where the processes wait for each other."""
    _meetings.append(meeting)


def do(share: Share) -> Tally:
    """Do a share of the work, once all the others are there."""
    return asyncio.run(_done(share))


async def _done(share: Share) -> Tally:
    tally, room = Tally(), asyncio.Semaphore(share.in_flight)

    async def one(publisher: Publisher, number: int) -> None:
        async with room, asyncio.timeout(PATIENCE):
            await (_removed if share.removes else _published)(publisher, share, number, tally)

    async with _opened(share) as publisher:
        await asyncio.to_thread(_meetings[0].wait, PATIENCE)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in share.numbers:
                group.create_task(one(publisher, number))
        tally.seconds = time.monotonic() - began
    return tally


@asynccontextmanager
async def _opened(share: Share) -> AsyncIterator[Publisher]:
    async with AsyncExitStack() as closing:
        publisher = await closing.enter_async_context(aclosing(share.open_publisher()))
        if share.redis_url:
            redis = await closing.enter_async_context(Redis.from_url(share.redis_url))
            publisher = locked(publisher, "crowd", RedisLocks(redis, CALL_TIMEOUT))
        yield publisher


async def _published(publisher: Publisher, share: Share, number: int, tally: Tally) -> None:
    """Publish a value; every fifth one takes the place of another."""
    old = b"old %d" % number
    if number % 5 == 0:
        await _called(tally, Published, lambda: publisher.ensure_txt(share.zone, share.name, old, 60))
    await _called(tally, Published, lambda: publisher.ensure_txt(share.zone, share.name, value(number), 60, [old]))


async def _removed(publisher: Publisher, share: Share, number: int, tally: Tally) -> None:
    await _called(tally, Withdrawn, lambda: publisher.remove_txt(share.zone, share.name, value(number)))


async def _called(tally: Tally, wanted: type, call: Callable[[], Awaitable[PublishAnswer | WithdrawAnswer]]) -> None:
    """Call until it is done; what a person would have to see to is an error."""
    while True:
        tally.calls += 1
        answer = await call()
        match answer:
            case Unreachable() | Ambiguous():
                tally.again[f"{type(answer).__name__}: {answer.reason}"] += 1
                asked_for = answer.retry_after if isinstance(answer, Unreachable) else None
                least = asked_for.total_seconds() if asked_for else 0
                await asyncio.sleep(least + random.uniform(0, PAUSE))
            case _ if isinstance(answer, wanted):
                return
            case _:
                raise AssertionError(repr(answer))
