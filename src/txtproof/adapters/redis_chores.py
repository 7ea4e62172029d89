"""Work that somebody must do now and then, and nobody twice: the first worker that asks has it."""

from datetime import timedelta

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys


class RedisChores:
    """Share chores among all workers. Every method raises StoreUnavailable."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._keys = Keys(prefix)

    async def take(self, name: str, every: timedelta) -> bool:
        """Return whether the chore is the caller's: nobody has taken it for that long."""
        with speaking(self._redis):
            return bool(await self._redis.set(self._keys.chore(name), 1, nx=True, px=every))
