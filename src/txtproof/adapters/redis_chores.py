"""Work that somebody must do now and then, and nobody twice: the first worker that asks has it."""

from datetime import timedelta

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys
from txtproof.adapters.redis_store import script

REMEMBERED = timedelta(hours=1)
"""For so long it is known that a chore was done; nobody can ask for more."""
_MILLISECOND = timedelta(milliseconds=1)


class RedisChores:
    """Share chores among all workers. Raises StoreUnavailable where the server does not do its part."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._keys = Keys(prefix)
        self._chore = script(redis, "chore")

    async def take(self, name: str, every: timedelta) -> bool:
        """Return whether the chore is the caller's: nobody has taken it for that long."""
        times = every // _MILLISECOND, REMEMBERED // _MILLISECOND
        with speaking(self._redis):
            return bool(await self._chore([self._keys.chore(name)], [self._keys.prefix, *times]))
