"""The outbox is bounded: what is too old or too much goes, and who had not read it by then is named."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys


class RedisOutbox:
    """The stream of events, kept within an age and a length."""

    def __init__(
        self,
        redis: Redis,
        encode: Callable[[Sequence[str], datetime], bytes],
        kept: int,
        kept_for: timedelta,
        prefix: str = PREFIX,
    ) -> None:
        self._redis = redis
        self._encode = encode
        self._kept = kept
        self._kept_for = round(kept_for / timedelta(milliseconds=1))
        self._events = Keys(prefix).events

    async def trim(self) -> list[str]:
        """Remove what is too old or too much; return the consumer groups that had not read all of that.

        Where there are any, an event says so to all who read.
        """
        with speaking(self._redis):
            unread = await self._unread()
            seconds, _ = await self._redis.time()
            await self._redis.xtrim(self._events, minid=max(seconds * 1000 - self._kept_for, 0), approximate=True)
            await self._redis.xtrim(self._events, maxlen=self._kept, approximate=True)
            first: Any = await self._redis.xrange(self._events, count=1)
            oldest = _place(first[0][0]) if first else (2**63, 0)
            behind = sorted(name for name, entry in unread.items() if entry < oldest)
            if behind:
                event = self._encode(behind, datetime.fromtimestamp(seconds, UTC))
                await self._redis.xadd(self._events, {"event": event})
        return behind

    async def _unread(self) -> dict[str, tuple[int, int]]:
        """Return the first entry that each group has not been given; a group that has all is not in it."""
        if not await self._redis.exists(self._events):
            return {}
        groups: Sequence[Any] = await self._redis.xinfo_groups(self._events)
        found = {}
        for group in groups:
            after = f"({group['last-delivered-id'].decode()}"
            entries: Any = await self._redis.xrange(self._events, min=after, count=1)
            if entries:
                found[group["name"].decode(errors="replace")] = _place(entries[0][0])
        return found


def _place(entry: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry.partition(b"-")
    return int(milliseconds), int(number)
