"""Turns with a credential, kept in Redis for all workers: a line, calls in flight, a refusal that holds for all."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis.asyncio import Redis

from txtproof.adapters.redis_connection import speaking
from txtproof.adapters.redis_keys import PREFIX, Keys
from txtproof.adapters.redis_lots import Lots
from txtproof.adapters.redis_store import script
from txtproof.core.model import Step
from txtproof.core.observations import Queued
from txtproof.ports import Closed, Credential, Turn, Verdict

CALL = timedelta(seconds=15)
"""A turn that nobody gave back is over by then: longer than a call may take."""
TRY_EVERY = timedelta(seconds=30)
"""How often a refused credential is tried; `reopen` has it tried at once."""
PATIENCE = timedelta(seconds=1)
"""How long a worker's visit waits for its turn: a small part of what it may last."""
FORESEEN = timedelta(minutes=1)
"""For how long what the latest calls took is thought to hold: no place is farther away because of it."""
LATE_BY = 0.001
"""Seconds after its place at which a visit asks again: whoever comes before it has none."""
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Rate:
    """What may be called with a credential, by all workers together."""

    per_second: float = 50.0
    in_flight: int = 8
    """At a time; as many may begin at once after a silence."""


class RedisTurns:
    """Port `Turns`. Every method raises StoreUnavailable where the server does not do its part."""

    def __init__(
        self,
        redis: Redis,
        encode: Callable[[Turn, Verdict], bytes],
        rates: Mapping[str, Rate],
        new_id: Callable[[], str],
        *,
        worker: str = "",
        prefix: str = PREFIX,
        patience: timedelta = timedelta(0),
        foreseen: timedelta = FORESEEN,
    ) -> None:
        """`patience`: how long whoever asks is kept waiting for a place in the line that comes so soon."""
        self._redis = redis
        self._encode = encode
        self._rates = rates
        self._new_id = new_id
        self._keys = Keys(prefix)
        self._held = self._keys.held(worker)
        self._patience = patience
        self._foreseen = foreseen // _MICROSECOND
        self._take, self._give_back = (Lots(redis, script(redis, name)) for name in ("take", "give_back"))

    async def take(self, credential: str, lane: Step, place: datetime | None = None) -> Turn | Queued | Closed:
        """Ask to call now, for the work in a lane."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience.total_seconds()
        while True:
            answer, wait = await self._asked(credential, lane, place)
            if not isinstance(answer, Queued) or loop.time() + wait > until:
                return answer
            # to give the row back and to claim it again would take longer, and more of everybody's time
            await asyncio.sleep(wait + LATE_BY)
            place = answer.until

    async def _asked(self, credential: str, lane: Step, place: datetime | None) -> tuple[Turn | Queued | Closed, float]:
        """Ask once; return also in how many seconds a place in the line comes."""
        rate = self._rates.get(credential, Rate())
        call = self._new_id()
        limits = [CALL // _MILLISECOND, rate.in_flight, round(1_000_000 / rate.per_second), rate.in_flight - 1]
        paid = "" if place is None else (place - _EPOCH) // _MICROSECOND
        with speaking(self._redis):
            word, time, *rest = await self._take(
                [self._keys.turns, self._keys.calls(credential), self._held],
                [
                    self._keys.prefix,
                    credential,
                    call,
                    *limits,
                    paid,
                    TRY_EVERY // _MILLISECOND,
                    lane[0],
                    self._foreseen,
                ],
            )
        when = _EPOCH + timedelta(microseconds=int(time))
        if word == b"go":
            return Turn(credential, call, when, trying=rest == [b"1"]), 0
        return (Queued(when), int(rest[0]) / 1_000_000) if word == b"queued" else (Closed(when), 0)

    async def give_back(self, turn: Turn, verdict: Verdict, pause: timedelta = timedelta(0)) -> None:
        """Say that the call is over."""
        wait = TRY_EVERY if verdict is Verdict.REFUSED else pause
        tells = verdict is Verdict.REFUSED or (verdict is Verdict.TAKEN and turn.trying)
        with speaking(self._redis):
            await self._give_back(
                [self._keys.turns, self._keys.calls(turn.credential), self._keys.events, self._held],
                [
                    self._keys.prefix,
                    turn.credential,
                    turn.id,
                    verdict.value,
                    wait // _MILLISECOND,
                    self._encode(turn, verdict) if tells else "",
                    CALL // _MILLISECOND,
                ],
            )

    async def leave(self, lane: Step) -> None:
        """Leave the calls of a lane to end by themselves: the lane is another process's by now."""
        with speaking(self._redis):
            held = cast("dict[bytes, bytes]", await self._redis.hgetall(self._held))
            calls = [name for name, what in held.items() if name.startswith(b"call ") and what[:1] == lane[0].encode()]
            if calls:
                await self._redis.hdel(self._held, *calls)

    async def reopen(self) -> None:
        """Let a credential that was refused be tried at once."""
        with speaking(self._redis):
            for field in cast("list[bytes]", await self._redis.hkeys(self._keys.turns)):
                if field.endswith(b" closed"):
                    await self._redis.hset(self._keys.turns, field.decode(), "0")

    async def standing(self, credential: str) -> Credential:
        """Return how things stand with a credential, for an operator; it changes nothing."""
        rate = self._rates.get(credential, Rate())
        fields = [f"{credential} {what}" for what in ("line", "closed", "pause", "lasts", "room")]
        with speaking(self._redis):
            seconds, micros = await self._redis.time()
            values = cast("list[bytes | None]", await self._redis.hmget(self._keys.turns, fields))
            now = seconds * 1_000_000 + micros
            in_flight = await self._redis.zcount(self._keys.calls(credential), f"({now // 1000}", "+inf")
        line, closed, pause, lasts, room = (None if value is None else int(value) for value in values)
        at_once = rate.in_flight - 1
        early = max(
            (line or 0) - round(1_000_000 / rate.per_second) * at_once,
            (room or 0) - (lasts or 0) // rate.in_flight * at_once,
        )
        return Credential(
            refused=closed is not None,
            tried_again=None if closed is None else _EPOCH + max(closed, now) * _MICROSECOND,
            in_flight=in_flight,
            most_in_flight=rate.in_flight,
            waits=max(early - now, (pause or 0) - now, 0) * _MICROSECOND,
        )
