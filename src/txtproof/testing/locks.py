"""A stand-in for locks that workers share, for tests of publishers that write whole sets."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class MemoryLocks:
    """Port `Locks`, within one process; waits for as long as it takes."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        """Hold a lock for as long as the block lasts."""
        async with self._locks[name]:
            yield True
