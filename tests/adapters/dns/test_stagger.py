"""One after the other, without waiting long for any."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from txtproof.adapters.dns.stagger import HEAD_START, first_good

Call = Callable[[], Coroutine[Any, Any, int]]


async def at_once() -> None:
    pass


class Runners:
    """Calls that end when they are told to, with a number; a good one is above zero."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []

    def that(self, number: int, waits: Callable[[], Awaitable[object]] = at_once) -> Call:
        async def run() -> int:
            self.begun.append(number)
            try:
                await waits()
            except asyncio.CancelledError:
                self.cancelled.append(number)
                raise
            return number

        return run


def forever() -> Awaitable[object]:
    return asyncio.Event().wait()


async def race(*calls: Call) -> tuple[int | None, list[int]]:
    return await first_good(calls, lambda number: number > 0)


@pytest.fixture
def runners() -> Runners:
    return Runners()


async def test_when_the_first_is_good_no_other_begins(runners: Runners) -> None:
    assert await race(runners.that(1), runners.that(2)) == (1, [])
    assert runners.begun == [1]


async def test_when_one_fails_the_next_begins_at_once(runners: Runners) -> None:
    begun = time.monotonic()
    assert await race(runners.that(-1), runners.that(-2), runners.that(3)) == (3, [-1, -2])
    assert time.monotonic() - begun < HEAD_START


async def test_one_that_takes_its_time_does_not_hold_the_next_up_and_is_cancelled(runners: Runners) -> None:
    assert await race(runners.that(1, forever), runners.that(2)) == (2, [])
    assert runners.cancelled == [1]


async def test_beside_one_that_is_late_the_next_begins_at_once(runners: Runners) -> None:
    begun = time.monotonic()
    late = [runners.that(1, forever), runners.that(2), runners.that(3)]
    assert await first_good(late, lambda number: number > 0, late=True) == (2, [])
    assert time.monotonic() - begun < HEAD_START
    assert runners.begun == [1, 2]


async def test_one_that_took_its_time_may_still_be_the_first_that_is_good(runners: Runners) -> None:
    later = asyncio.Event()

    async def fail_and_free_the_first() -> None:
        later.set()

    found, _ = await race(runners.that(1, later.wait), runners.that(-2, fail_and_free_the_first))
    assert found == 1
    assert runners.begun == [1, -2]


async def test_where_all_fail_all_are_told(runners: Runners) -> None:
    assert await race(runners.that(-1), runners.that(-2)) == (None, [-1, -2])


async def test_nobody_to_ask_is_nobody_good() -> None:
    assert await race() == (None, [])


async def test_being_cancelled_cancels_what_runs(runners: Runners) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(HEAD_START / 5):
            await race(runners.that(1, forever))
    assert runners.cancelled == [1]
