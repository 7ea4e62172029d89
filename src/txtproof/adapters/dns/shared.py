"""Do something once for all who want it at the same time.

In a process that has just started hundreds of looks begin together, and most want the same name servers.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Shared(Generic[K, V]):
    """What is under way, by what it is about."""

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V]] = {}

    async def once(self, key: K, begin: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """Begin it, or wait with those for whom it was begun; whoever is cancelled takes it from nobody else."""
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(begin())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)
