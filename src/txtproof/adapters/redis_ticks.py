"""When somebody swept last, for all workers together."""

from datetime import timedelta

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import speaking

REMEMBERED = timedelta(seconds=3)
"""For so long it is known that somebody swept; nobody can ask for more."""

_BEGIN = """
-- KEYS[1] the key; ARGV[1] how long it lasts, ARGV[2] how far apart sweeps are, in ms; returns 1 where one may begin.
-- Sent twice by the client library: the second says 0, and one sweep does not take place.
if redis.call('PTTL', KEYS[1]) > ARGV[1] - ARGV[2] then return 0 end
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
return 1
"""


class RedisTicks:
    """The key `txtproof:tick`. Raises StoreUnavailable where the server does not do its part."""

    def __init__(self, redis: Redis, prefix: str = "txtproof") -> None:
        self._redis = redis
        self._key = f"{prefix}:tick"
        self._begin = redis.register_script(_BEGIN)

    async def begin(self, apart: timedelta) -> bool:
        """Note that a sweep begins now; return False, and note nothing, where one began less than `apart` ago."""
        millisecond = timedelta(milliseconds=1)
        with speaking(self._redis):
            return bool(await self._begin(keys=[self._key], args=[REMEMBERED // millisecond, apart // millisecond]))
