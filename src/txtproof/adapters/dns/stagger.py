"""Ask one after the other without waiting long for any: the next begins when one fails or takes its time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

HEAD_START = 0.5
"""Seconds that one is given before the next is asked beside it."""


async def first_good(
    calls: Iterable[Callable[[], Coroutine[Any, Any, T]]], good: Callable[[T], bool], *, late: bool = False
) -> tuple[T | None, list[T]]:
    """Return the first good outcome, None where there is none, and the others that came before it.

    `late`: the first has had its head start already. What is still under way in the end is cancelled.
    """
    rest = deque(calls)
    others: list[T] = []
    running: set[asyncio.Task[T]] = set()
    try:
        if late and rest:
            running.add(asyncio.create_task(rest.popleft()()))
        while rest or running:
            if rest:
                running.add(asyncio.create_task(rest.popleft()()))
            done, running = await asyncio.wait(
                running, timeout=HEAD_START if rest else None, return_when=asyncio.FIRST_COMPLETED
            )
            for outcome in [task.result() for task in done]:
                if good(outcome):
                    return outcome, others
                others.append(outcome)
        return None, others
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
