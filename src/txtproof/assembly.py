"""Options -> what runs: every adapter is chosen here and nowhere else. Reads no environment."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from redis.asyncio import Redis

from txtproof.acceptance import Acceptance
from txtproof.adapters.clock import MonotonicClock, new_id
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.command_stream import CommandStream
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.adapters.nexus import NexusClient, NexusOptions
from txtproof.adapters.publishers.rfc2136 import Rfc2136Options, Rfc2136Publisher
from txtproof.adapters.publishers.routing import Registration, RoutedPublishing
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_ticks import RedisTicks
from txtproof.core.policy import Policy
from txtproof.ports import Timeouts
from txtproof.reception import Reception
from txtproof.workflow import Ring, Workflow

AUDIT_EVERY = timedelta(minutes=5)
"""How often rows that no lane holds are looked for, over all workers together: it reads every row."""
APART = timedelta(seconds=0.9)
"""The least between two sweeps, over all workers together: five beats that tick each second sweep as often as one."""


@dataclass(frozen=True, slots=True)
class Options:
    """All that an assembly needs to know; secrets inside are SecretStr."""

    redis_url: str = field(repr=False)
    nexus: NexusOptions
    look: LookOptions = field(default_factory=LookOptions)
    publishers: tuple[Rfc2136Options, ...] = ()
    policy: Policy = field(default_factory=Policy)
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a tick does."""

    store: RedisStore
    ticks: RedisTicks

    async def __call__(self, ring: Ring, apart: timedelta = APART) -> bool:
        """Ring every lane that has due work; now and then look for rows that fell out of their lane.

        Do nothing, and return False, where somebody swept less than `apart` ago (3 s at the most).
        """
        if not await self.ticks.begin(apart):
            return False
        for step in sorted(await self.store.due()):
            await ring(step)
        await self.store.audit(AUDIT_EVERY)
        return True


@dataclass(frozen=True, slots=True)
class Services:
    """What a worker process works with."""

    workflow: Workflow
    store: RedisStore
    reception: Reception
    sweep: Sweep


@asynccontextmanager
async def open_services(options: Options) -> AsyncIterator[Services]:
    """Open all clients on the running loop, for as long as the block lasts; none of them connects before it must."""
    async with AsyncExitStack() as closing:
        redis = await closing.enter_async_context(open_redis(options.redis_url))
        store = RedisStore(redis, encode, options.timeouts.lease)
        nexus = NexusClient(options.nexus)
        closing.push_async_callback(nexus.aclose)
        lookup = AuthoritativeLookup(options.look)
        closing.push_async_callback(lookup.aclose)
        workflow = Workflow(
            store=store,
            upstream=nexus,
            publishing=RoutedPublishing(
                [Registration(one.name, one.zones, Rfc2136Publisher(one)) for one in options.publishers]
            ),
            lookup=lookup,
            clock=MonotonicClock(),
            new_id=new_id,
            policy=options.policy,
            timeouts=options.timeouts,
        )
        yield Services(workflow, store, _reception(redis, store, options.policy), Sweep(store, RedisTicks(redis)))


@asynccontextmanager
async def open_reception(options: Options) -> AsyncIterator[Reception]:
    """Open what taking in messages needs: the store, and nothing of the outside world."""
    async with open_redis(options.redis_url) as redis:
        yield _reception(redis, RedisStore(redis, encode, options.timeouts.lease), options.policy)


@asynccontextmanager
async def open_sweep(options: Options) -> AsyncIterator[Sweep]:
    """Open what a sweep needs: the store alone."""
    async with open_redis(options.redis_url) as redis:
        yield Sweep(RedisStore(redis, encode, options.timeouts.lease), RedisTicks(redis))


def _reception(redis: Redis, store: RedisStore, policy: Policy) -> Reception:
    consumer = f"{socket.gethostname()}-{os.getpid()}"
    return Reception(Acceptance(store, policy, new_id), CommandStream(redis, consumer))
