"""The operator's desk: what a person can ask for and see, with the store alone."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from txtproof.acceptance import Acceptance, Delivery
from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import Rate, RedisTurns
from txtproof.core.commanded import why_not_now
from txtproof.core.model import Key, Verification
from txtproof.core.observations import CheckNow
from txtproof.core.orders import Order, Refusal
from txtproof.core.policy import Policy
from txtproof.core.removal import is_left_over
from txtproof.ports import Welcome
from txtproof.reception import refused


class Desk:
    """What an operator can ask for and see."""

    def __init__(self, store: RedisStore, register: RedisRegister, turns: RedisTurns) -> None:
        self._store = store
        self._register = register
        self._acceptance = Acceptance(store, Policy(), new_id, turns)
        self.delays = store.delays
        self.credential = turns.standing
        self.find = register.find
        self.list = register.list
        self.parked = register.parked
        self.events = register.events

    async def take(self, order: Order) -> Welcome | Refusal:
        """Take an order; the workers hear of it within a second."""
        if isinstance(order.wish, CheckNow) and (refusal := await self._why_not_now(order.key)):
            return refusal
        (outcome,) = await self._acceptance.accept([Delivery(order)])
        return refused(order.key, outcome) or outcome

    async def leftovers(self, *, kept: bool) -> AsyncIterator[Verification]:
        """Go through ended verifications with values that are to go and that nobody removes, the longest first.

        With `kept`, through those too whose record stays: all rows are read for that, some hundreds at a time.
        """
        left = await self._register.left_over()
        for key in left:
            if (found := await self.find(key)) and is_left_over(found):
                yield found
        if not kept:
            return
        known = frozenset(left)
        async for found in self.list():
            if found.state.terminal and found.step is None and found.ledger and found.key not in known:
                yield found

    async def _why_not_now(self, key: Key) -> Refusal | None:
        """Say at once what the row's next visit would find."""
        found = await self.find(key)
        return why_not_now(found, await self._store.now()) if found and not found.state.terminal else None


@asynccontextmanager
async def open_desk(redis_url: str, rates: Mapping[str, Rate] = MappingProxyType({})) -> AsyncIterator[Desk]:
    """Open the store for an operator. Raises StoreUnavailable where it does not answer.

    `rates`: what may be called with each credential.
    """
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        await store.now()
        yield Desk(store, RedisRegister(redis), RedisTurns(redis, encode_credential, rates, new_id))
