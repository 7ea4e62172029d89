"""How a call to a provider ends that does not go through: inside by an exception, for its caller by an answer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from txtproof.core.observations import Ambiguous, Blocked, Unreachable

T = TypeVar("T")

Failure = Blocked | Unreachable | Ambiguous


class Trouble(Exception):
    """A call that did not go through; `answer` is what the publisher answers."""

    def __init__(self, answer: Failure) -> None:
        super().__init__(answer.reason.value)
        self.answer = answer


async def within(seconds: float, work: Coroutine[Any, Any, T], late: Callable[[], Failure]) -> T | Failure:
    """Do a publisher's work in so many seconds; trouble becomes the answer, and `late` says what being late does."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except Trouble as trouble:
        return trouble.answer
    except TimeoutError:
        return late()
