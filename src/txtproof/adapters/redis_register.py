"""What operators may see of the store; nothing is written here."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import SLICE, slices, speaking
from txtproof.adapters.redis_keys import PREFIX, Keys
from txtproof.adapters.redis_store import read_row
from txtproof.core.model import Key, State, Verification
from txtproof.ports import StoreUnavailable

WAIT = 1000
"""Milliseconds that one read waits for more events."""


class RedisRegister:
    """Port `Register`. Every method raises StoreUnavailable where the server does not do its part."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._keys = Keys(prefix)

    async def find(self, key: Key) -> Verification | None:
        """Return the latest verification of a key."""
        with speaking(self._redis):
            value = await self._redis.get(self._keys.row(key))
        try:
            return read_row(key, cast("bytes", value)) if value else None
        except ValueError as fault:
            raise StoreUnavailable(f"{fault}: it is parked, see `txtproof parked`") from None

    async def list(self, state: State | None = None) -> AsyncIterator[Verification]:
        """Go through all verifications, in no order; each once."""
        shown: set[Key] = set()
        start = len(self._keys.prefix) + len(":v:")
        with speaking(self._redis):
            async for rows in slices(self._redis, f"{self._keys.prefix}:v:*"):
                values = cast("list[bytes | None]", await self._redis.mget(rows))
                keys = [Key.parse(row[start:].decode()) for row in rows]
                for verification in map(_readable, keys, values):
                    if verification and state in (None, verification.state) and verification.key not in shown:
                        shown.add(verification.key)
                        yield verification

    async def parked(self) -> Sequence[Key]:
        """Return the rows that were set aside, the longest first."""
        return await self._members(self._keys.parked)

    async def left_over(self) -> Sequence[Key]:
        """Return the ended rows with values that are to go and that nobody removes, the longest first."""
        return await self._members(self._keys.left_over)

    async def events(self, *, follow: bool) -> AsyncIterator[bytes]:
        """Go through the outbox from its oldest event on; with `follow`, wait for more at its end."""
        last: bytes = b"0"
        with speaking(self._redis):
            while True:
                block = WAIT if follow else None
                reply: Any = await self._redis.xread({self._keys.events: last}, count=SLICE, block=block)
                entries = [entry for _, stream in (reply or ()) for entry in stream]
                for entry, fields in entries:
                    last = entry
                    yield fields.get(b"event", b"")
                if not entries and not follow:
                    return

    async def _members(self, name: str) -> Sequence[Key]:
        with speaking(self._redis):
            members = cast("list[bytes]", await self._redis.zrange(name, 0, -1))
        return [Key.parse(member.decode()) for member in members]


def _readable(key: Key, value: bytes | None) -> Verification | None:
    """Return a row; None where it is gone by now, or cannot be read: that one is among the parked."""
    try:
        return read_row(key, value) if value else None
    except ValueError:
        return None
