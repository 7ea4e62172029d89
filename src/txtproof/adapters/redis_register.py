"""What operators may see of the store; nothing is written here."""

from collections.abc import AsyncIterator
from typing import Any, cast

from redis.asyncio import Redis

from txtproof.adapters.documents import read_verification
from txtproof.adapters.redis_connection import SLICE, slices, speaking
from txtproof.core.model import Key, State, Verification

WAIT = 1000
"""Milliseconds that one read waits for more events."""


class RedisRegister:
    """Port `Register`. Every method raises StoreUnavailable where the server does not do its part."""

    def __init__(self, redis: Redis, prefix: str = "txtproof") -> None:
        self._redis = redis
        self._prefix = prefix

    async def find(self, key: Key) -> Verification | None:
        """Return the latest verification of a key."""
        with speaking(self._redis):
            document = await self._redis.hget(f"{self._prefix}:v:{key}", "doc")
        return read_verification(cast("bytes", document)) if document else None

    async def list(self, state: State | None = None) -> AsyncIterator[Verification]:
        """Go through all verifications, in no order; each once."""
        shown: set[Key] = set()
        with speaking(self._redis):
            async for rows in slices(self._redis, f"{self._prefix}:v:*"):
                async with self._redis.pipeline(transaction=False) as pipe:
                    for row in rows:
                        pipe.hget(row, "doc")
                    documents = await pipe.execute()
                for verification in map(read_verification, filter(None, documents)):
                    if state in (None, verification.state) and verification.key not in shown:
                        shown.add(verification.key)
                        yield verification

    async def events(self, *, follow: bool) -> AsyncIterator[bytes]:
        """Go through the outbox from its oldest event on; with `follow`, wait for more at its end."""
        last: bytes = b"0"
        with speaking(self._redis):
            while True:
                block = WAIT if follow else None
                reply: Any = await self._redis.xread({f"{self._prefix}:events": last}, count=SLICE, block=block)
                entries = [entry for _, stream in (reply or ()) for entry in stream]
                for entry, fields in entries:
                    last = entry
                    yield fields.get(b"event", b"")
                if not entries and not follow:
                    return
