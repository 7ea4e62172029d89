"""The intake's side of the stream `txtproof:commands`, and of `txtproof:rejected` where what is refused ends up."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys

GROUP = "txtproof"
IDLE = timedelta(seconds=30)
"""A message that was read and neither stored nor refused for that long was left by a dead worker."""
LOOKS = 30
"""Looks for such messages in that time: each is a round trip."""
REJECTED_KEPT = 100_000
"""About so many refused messages are kept."""
SHOWN = 64 * 1024
"""Bytes of a refused message that are kept."""
_FIRST = b"0-0"
"""Before all entries."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the stream."""

    entry_id: str
    body: bytes = field(repr=False)
    """The bytes of its field `event`; empty where it has none."""


class CommandStream:
    """Read commands as one consumer of the group. Every method raises StoreUnavailable."""

    def __init__(self, redis: Redis, consumer: str, idle: timedelta = IDLE, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._consumer = consumer
        self._idle = round(idle / timedelta(milliseconds=1))
        self._apart = idle.total_seconds() / LOOKS
        self._looks_at = 0.0
        self._had = _FIRST
        """The last of those that the server gave this consumer, and that arrived."""
        self._commands, self._rejected = Keys(prefix).commands, Keys(prefix).rejected

    async def read(self, limit: int, wait: timedelta) -> list[Message]:
        """Return up to `limit` messages, waiting for the first new one.

        First come those that the server gave this consumer in a reply that was lost, then those that a dead worker
        left. What this returned does not come again before it was left for `idle`, unless `start_over` asks for it.
        """
        with speaking(self._redis):
            try:
                return await self._lost(limit) or await self._left(limit) or await self._new(limit, wait)
            except ResponseError as fault:
                if not str(fault).startswith("NOGROUP"):
                    raise
            # the first read of all, or a server that lost its data
            await self._make_group()
            return []

    def start_over(self) -> None:
        """Read again, before anything new, what was read and neither stored nor refused."""
        self._had = _FIRST

    def ack_of(self, message: Message) -> tuple[str, str, str]:
        """Return what acknowledges a message: stream, group and entry id."""
        return self._commands, GROUP, message.entry_id

    async def reject(self, message: Message, problem: bytes) -> None:
        """Set a message aside with its problem, and acknowledge it, in one step."""
        with speaking(self._redis):
            async with self._redis.pipeline(transaction=True) as pipe:
                self._set_aside(pipe, message.body, problem, message.entry_id)
                pipe.xack(*self.ack_of(message))
                pipe.xdel(self._commands, message.entry_id)
                await pipe.execute()

    async def set_aside(self, body: bytes, problem: bytes) -> None:
        """Set aside what came another way."""
        with speaking(self._redis):
            async with self._redis.pipeline(transaction=True) as pipe:
                self._set_aside(pipe, body, problem, "")
                await pipe.execute()

    def _set_aside(self, pipe: Any, body: bytes, problem: bytes, entry_id: str) -> None:
        fields = {"event": body[:SHOWN], "problem": problem, "entry": entry_id}
        pipe.xadd(self._rejected, fields, maxlen=REJECTED_KEPT, approximate=True)

    async def _lost(self, limit: int) -> list[Message]:
        # the client library asks once more where a connection breaks: nobody else knows that a reply was lost
        reply: Any = await self._redis.xreadgroup(GROUP, self._consumer, {self._commands: self._had}, count=limit)
        return self._arrived(reply)

    async def _left(self, limit: int) -> list[Message]:
        if time.monotonic() < self._looks_at:
            return []
        reply: Any = await self._redis.xautoclaim(
            self._commands, GROUP, self._consumer, min_idle_time=self._idle, start_id="0-0", count=limit
        )
        left = _messages(reply[1])
        self._looks_at = 0.0 if left else time.monotonic() + self._apart
        return left

    async def _new(self, limit: int, wait: timedelta) -> list[Message]:
        block = max(1, round(wait / timedelta(milliseconds=1)))
        reply: Any = await self._redis.xreadgroup(
            GROUP, self._consumer, {self._commands: ">"}, count=limit, block=block
        )
        return self._arrived(reply)

    def _arrived(self, reply: Any) -> list[Message]:
        entries = [entry for _, stream in (reply or ()) for entry in stream]
        if entries:
            self._had = entries[-1][0]
        return _messages(entries)

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(self._commands, GROUP, id="0", mkstream=True)
        except ResponseError as fault:
            if not str(fault).startswith("BUSYGROUP"):
                raise


def _messages(entries: Any) -> list[Message]:
    # an entry that was deleted while it was pending has no fields (Redis 6.2; later ones leave it out)
    return [Message(entry.decode(), fields.get(b"event", b"")) for entry, fields in entries if fields is not None]
