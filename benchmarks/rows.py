"""Verifications that are pending: made by the core's own constructors, brought in through the store's port."""

import asyncio
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from benchmarks.knot import ADDRESSES, ZONE
from txtproof.adapters.cloud_events import encode
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.core.admission import admitted
from txtproof.core.decisions import Decision
from txtproof.core.evidence import ServerView
from txtproof.core.machine import decide
from txtproof.core.model import Code, Key, Record, Step, Verification
from txtproof.core.observations import Attach, Miss, ZoneSeen
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.schedule import jittered, pause_after
from txtproof.core.transitions import to_checking, to_publishing
from txtproof.core.values import replace
from txtproof.ports import Arrival, Commit

ORGANIZATION = 42
BATCH = 500
LATE = 66
"""Looks after which the pause is the longest there is (15 minutes); the next neither ensures the record anew nor
searches for it."""
_POLICY = Policy()
_SERVERS = tuple(
    ServerView(f"ns{place}.{ZONE}", address, Reason.NO_SUCH_NAME.value, "NXDOMAIN", True, 1, 0, 1)
    for place, address in enumerate(ADDRESSES, 1)
)


def domain_of(number: int) -> str:
    """Return the domain of a row: no record stands there, so that every look is a miss."""
    return f"d{number:07}.{ZONE}"


def identity_of(number: int) -> str:
    """Return the id of a row's run: always the same, since its pauses come from it."""
    return sha256(str(number).encode()).hexdigest()[:32]


def pending(number: int, looks: int, now: datetime) -> Verification:
    """Return a verification in `checking`, due now.

    It has had that many looks; after the last one, two name servers' evidence and the zone that was found are in it,
    and its event is told.
    """
    domain = domain_of(number)
    born = admitted(identity_of(number), Key(ORGANIZATION, number), Request(domain), now, _POLICY)
    assert isinstance(born, Decision), "the request is a good one"
    code = Code(sha256(domain.encode()).hexdigest()[:32], now + timedelta(days=7), now)
    v = to_publishing(born.verification, now, code, domain)
    v = to_checking(v, now, (Record("bench", ZONE, domain, code.value, 1),))
    if looks:
        zone = ZoneSeen(ZONE, timedelta(hours=1))
        missed = Miss(Reason.NO_SUCH_NAME, "no such name at any server", _SERVERS, zone=zone)
        v = decide(replace(v, looks=looks - 1), missed, now, _POLICY).verification
    return replace(v, wake=now)


def pause_of(number: int) -> timedelta:
    """Return how long a row of `LATE` looks waits after its next one."""
    return jittered(pause_after(LATE + 1), identity_of(number), 1, LATE + 1)


def seed(redis_url: str, count: int, looks: int) -> None:
    """Store rows 1 to `count`, due now, by as many processes as there are cores."""
    shares = len(os.sched_getaffinity(0)) if count > 20 * BATCH else 1
    ranges = [range(1 + share, count + 1, shares) for share in range(shares)]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_seed, args=(redis_url, one, looks), daemon=True) for one in ranges]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        if worker.exitcode:
            raise RuntimeError("seeding has failed: see above")


def _seed(redis_url: str, numbers: range, looks: int) -> None:
    asyncio.run(_seeded(redis_url, numbers, looks))


async def _seeded(redis_url: str, numbers: range, looks: int) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode)
        for batch in _batches(numbers):
            now = await store.now()
            born = [_newborn(number, now) for number in batch]
            await store.accept([Arrival(one.key, Attach(), newborn=(one, ())) for one in born])
            # with a second process beside this one: whoever claims a row commits it
            claimed = await store.claim(Step.REQUEST_CODE, BATCH)
            await store.commit(
                [Commit(row, 1, pending(row.verification.key.domain_id, looks, now)) for row in claimed.rows]
            )


def _newborn(number: int, now: datetime) -> Verification:
    # no `accepted` event: what is measured is rows, and events have a bound of their own
    born = admitted(identity_of(number), Key(ORGANIZATION, number), Request(domain_of(number)), now, _POLICY)
    assert isinstance(born, Decision), "the request is a good one"
    return born.verification


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in numbers:
        batch.append(number)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch
