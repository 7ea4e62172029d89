"""A script that many call beside each other, in one round trip: while one lot is under way, the next one gathers."""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

MOST = 250
"""Calls in one round trip."""

_Call = tuple[Sequence[Any], Sequence[Any], "asyncio.Future[Any]"]


class Lots:
    """Call a script as it would be called alone; each call takes effect by itself."""

    def __init__(self, redis: Redis, script: AsyncScript) -> None:
        self._redis = redis
        self._script = script
        self._waiting: list[_Call] = []
        self._sending: asyncio.Task[None] | None = None

    async def __call__(self, keys: Sequence[Any], args: Sequence[Any]) -> Any:
        """Return the script's reply. Raises what the client raises."""
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, args, answered))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return await answered

    async def _send(self) -> None:
        try:
            while self._waiting:
                # who was cut off meanwhile wants no answer any more
                lot = [one for one in self._waiting[:MOST] if not one[2].done()]
                del self._waiting[:MOST]
                await self._send_lot(lot)
        finally:
            self._sending = None

    async def _send_lot(self, lot: Sequence[_Call]) -> None:
        try:
            replies = await self._replies(lot)
        except BaseException as fault:  # noqa: BLE001  # it is the callers' to judge: each is told, however bad it is
            replies = [fault] * len(lot)
        for (_, _, answered), reply in zip(lot, replies, strict=True):
            if answered.done():
                continue
            if isinstance(reply, BaseException):
                answered.set_exception(reply)
            else:
                answered.set_result(reply)

    async def _replies(self, lot: Sequence[_Call]) -> Sequence[Any]:
        if len(lot) < 2:
            return [await self._script(keys, args) for keys, args, _ in lot]
        async with self._redis.pipeline(transaction=False) as pipe:
            for keys, args, _ in lot:
                pipe.evalsha(self._script.sha, len(keys), *keys, *args)
            replies: list[Any] = await pipe.execute(raise_on_error=False)
        # a server that does not know the script has run none of these
        return [
            await self._script(keys, args) if isinstance(reply, NoScriptError) else reply
            for (keys, args, _), reply in zip(lot, replies, strict=True)
        ]
