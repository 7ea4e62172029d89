"""Locks that all workers share, as redis-py has them: SET NX with a random token, and a script that compares it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from redis.asyncio import Redis
from redis.exceptions import LockError

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys

MARGIN = timedelta(seconds=5)
"""How much longer than a call its lock holds."""
POLLS = 0.02
"""Seconds between two tries."""


class RedisLocks:
    """Port `Locks`. What a lock is held for takes no longer than `longest`; half of that it is waited for."""

    def __init__(self, redis: Redis, longest: timedelta, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._longest = longest
        self._keys = Keys(prefix)

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[bool]:
        """Hold a lock for as long as the block lasts; False where somebody else has it all the time."""
        lock = self._redis.lock(
            self._keys.lock(name),
            timeout=(self._longest + MARGIN).total_seconds(),
            blocking_timeout=self._longest.total_seconds() / 2,
            sleep=POLLS,
        )
        with speaking(self._redis):
            held = await lock.acquire()
        try:
            yield held
        finally:
            if held:
                # who was frozen for that long has lost it, and another may have it: that one's stays
                with speaking(self._redis), suppress(LockError):
                    await lock.release()
