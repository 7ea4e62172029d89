"""Options -> what runs: every adapter is chosen here and nowhere else. Reads no environment."""

import logging
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from redis.asyncio import Redis

from txtproof.acceptance import Acceptance
from txtproof.adapters.clock import MonotonicClock, new_id
from txtproof.adapters.cloud_events import encode, encode_credential, encode_trimmed
from txtproof.adapters.command_stream import CommandStream
from txtproof.adapters.dns.look import AuthoritativeLookup, LookOptions
from txtproof.adapters.nexus import NexusClient, NexusOptions
from txtproof.adapters.publishers.locked import locked
from txtproof.adapters.publishers.options import PublisherOptions
from txtproof.adapters.publishers.routing import Registration, RoutedPublishing
from txtproof.adapters.redis_chores import RedisChores
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_locks import RedisLocks
from txtproof.adapters.redis_outbox import RedisOutbox
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import PATIENCE, Rate, RedisTurns
from txtproof.core.policy import Policy
from txtproof.ports import Apex, Timeouts
from txtproof.reception import Reception
from txtproof.workflow import Ring, Workflow

log = logging.getLogger(__name__)

AUDIT_PARTS = 300
"""Sweeps in which every row is looked at once, lest no lane holds it: five minutes, or a little more."""
TRIM_EVERY = timedelta(seconds=10)
REMIND_EVERY = timedelta(hours=1)
APART = timedelta(seconds=0.9)
"""The least between two sweeps, by all workers together: five beats that tick each second sweep as often as one."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is over is kept."""

    ended: timedelta = timedelta(days=30)
    """Rows, once they have ended and nothing of them is left to do."""
    events: timedelta = timedelta(days=7)
    events_kept: int = 1_000_000
    """Whatever their age."""


@dataclass(frozen=True, slots=True)
class Options:
    """All that an assembly needs to know; secrets inside are SecretStr."""

    redis_url: str = field(repr=False)
    nexus: NexusOptions
    look: LookOptions = field(default_factory=LookOptions)
    publishers: tuple[PublisherOptions, ...] = ()
    policy: Policy = field(default_factory=Policy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    rates: Mapping[str, Rate] = field(default_factory=dict)
    """What may be called with each credential, by the names of txtproof.politeness."""
    unchecked: frozenset[str] = frozenset()
    """Publishers whose zones need not be those that public DNS leads to."""
    retention: Retention = field(default_factory=Retention)


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a tick does."""

    store: RedisStore
    chores: RedisChores
    outbox: RedisOutbox

    async def __call__(self, ring: Ring, apart: timedelta = APART) -> bool:
        """Ring every lane that has due work, and put back lost rows; now and then trim the outbox.

        Do nothing, and return False, where somebody swept less than `apart` ago.
        """
        if not await self.chores.take("sweep", apart):
            return False
        for step in sorted(await self.store.due()):
            await ring(step)
        if lost := await self.store.audit(AUDIT_PARTS):
            log.warning("audit: %d rows were in no lane, and are put back", lost)
        if await self.chores.take("trim", TRIM_EVERY):
            for group in await self.outbox.trim():
                log.warning("events: the group %.60s had not read all that was trimmed", group)
            await self._remind()
        return True

    async def _remind(self) -> None:
        """Say now and then what only a person can bring about."""
        if (left := await self.store.left_over()) and await self.chores.take("remind", REMIND_EVERY):
            log.warning("leftovers: values of %d verifications are to go, and nobody removes them", left)


@dataclass(frozen=True, slots=True)
class Services:
    """What a worker process works with."""

    workflow: Workflow
    store: RedisStore
    reception: Reception
    sweep: Sweep


@asynccontextmanager
async def open_services(options: Options, worker: str) -> AsyncIterator[Services]:
    """Open all clients on the running loop, for as long as the block lasts; none of them connects before it must.

    `worker` is the same for all processes of a worker, and for no others.
    """
    async with AsyncExitStack() as closing:
        redis = await closing.enter_async_context(open_redis(options.redis_url))
        store = RedisStore(redis, encode, options.timeouts.lease, worker=worker, retention=options.retention.ended)
        turns = RedisTurns(redis, encode_credential, options.rates, new_id, worker=worker, patience=PATIENCE)
        nexus = NexusClient(options.nexus)
        closing.push_async_callback(nexus.aclose)
        lookup = await closing.enter_async_context(open_lookup(options.look))
        publishing = await closing.enter_async_context(_open_publishing(options, redis, lookup))
        workflow = Workflow(
            store=store,
            upstream=nexus,
            publishing=publishing,
            lookup=lookup,
            turns=turns,
            clock=MonotonicClock(),
            policy=options.policy,
            timeouts=options.timeouts,
        )
        reception = _reception(redis, Acceptance(store, options.policy, new_id, turns))
        yield Services(workflow, store, reception, _sweep(redis, store, options.retention))


@asynccontextmanager
async def open_publishing(options: Options) -> AsyncIterator[RoutedPublishing]:
    """Open what writing a record needs; the store is asked for nothing but locks, by the publishers that need them."""
    async with (
        open_redis(options.redis_url) as redis,
        open_lookup(options.look) as lookup,
        _open_publishing(options, redis, lookup) as publishing,
    ):
        yield publishing


@asynccontextmanager
async def _open_publishing(
    options: Options, redis: Redis, lookup: AuthoritativeLookup
) -> AsyncIterator[RoutedPublishing]:
    locks = RedisLocks(redis, options.timeouts.call)
    async with AsyncExitStack() as closing:
        opened = []
        for one in options.publishers:
            publisher = one.open()
            closing.push_async_callback(publisher.aclose)
            apex = publisher if isinstance(publisher, Apex) else None
            checked = one.name not in options.unchecked
            opened.append(Registration(one.name, one.zones, locked(publisher, one.name, locks), checked, apex))
        yield await closing.enter_async_context(aclosing(RoutedPublishing(opened, lookup.delegations)))


@asynccontextmanager
async def open_lookup(options: LookOptions) -> AsyncIterator[AuthoritativeLookup]:
    """Open what a look needs, and nothing else: no store, no Nexus."""
    async with aclosing(AuthoritativeLookup(options)) as lookup:
        yield lookup


@asynccontextmanager
async def open_reception(options: Options) -> AsyncIterator[Reception]:
    """Open what taking in messages needs: the store, and nothing of the outside world."""
    async with open_redis(options.redis_url) as redis:
        turns = RedisTurns(redis, encode_credential, options.rates, new_id)
        yield _reception(redis, Acceptance(RedisStore(redis, encode), options.policy, new_id, turns))


@asynccontextmanager
async def open_sweep(options: Options, worker: str) -> AsyncIterator[Sweep]:
    """Open what a sweep needs: the store alone, as this worker has it."""
    async with open_redis(options.redis_url) as redis:
        yield _sweep(redis, RedisStore(redis, encode, worker=worker), options.retention)


def _sweep(redis: Redis, store: RedisStore, kept: Retention) -> Sweep:
    outbox = RedisOutbox(redis, encode_trimmed, kept.events_kept, kept.events)
    return Sweep(store, RedisChores(redis), outbox)


def _reception(redis: Redis, acceptance: Acceptance) -> Reception:
    consumer = f"{socket.gethostname()}-{os.getpid()}"
    return Reception(acceptance, CommandStream(redis, consumer))
