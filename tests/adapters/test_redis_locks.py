"""Turns at a place, for all workers together."""

import asyncio
from datetime import timedelta

import pytest

from txtproof.adapters import redis_locks
from txtproof.adapters.publishers.locked import locked
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_locks import RedisLocks
from txtproof.core.observations import Published, Unreachable
from txtproof.core.reasons import Reason
from txtproof.ports import Capability, StoreUnavailable
from txtproof.testing.locks import MemoryLocks
from txtproof.testing.publisher import MemoryPublisher
from txtproof.testing.zones import MemoryZones

SHORT = timedelta(seconds=0.2)
LONG = timedelta(seconds=10)


async def test_one_has_it_at_a_time(redis_url: str) -> None:
    here, most = 0, 0

    async def visit() -> None:
        nonlocal here, most
        async with open_redis(redis_url) as redis, RedisLocks(redis, LONG).hold("corp:example.test:name") as held:
            assert held
            here += 1
            most = max(most, here)
            await asyncio.sleep(0.01)
            here -= 1

    await asyncio.gather(*(visit() for _ in range(8)))
    assert most == 1


async def test_places_do_not_wait_for_each_other(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        locks = RedisLocks(redis, SHORT)
        async with locks.hold("one") as first, locks.hold("other") as second:
            assert (first, second) == (True, True)


async def test_who_waits_too_long_is_told(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        async with RedisLocks(redis, LONG).hold("place"), RedisLocks(redis, SHORT).hold("place") as held:
            assert not held
        async with RedisLocks(redis, SHORT).hold("place") as held:
            assert held, "the one who had no turn has not taken it from anybody, and left none behind"


async def test_a_lock_of_one_who_died_ends_by_itself(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_locks, "MARGIN", timedelta(0))
    async with open_redis(redis_url) as redis:
        frozen = RedisLocks(redis, SHORT).hold("place")
        assert await frozen.__aenter__()
        async with RedisLocks(redis, LONG).hold("place") as held:
            assert held
            # who wakes up after that takes it from nobody
            await frozen.__aexit__(None, None, None)
            assert await redis.exists("txtproof:lock:place")


async def test_a_fault_in_between_lets_it_go(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        with pytest.raises(RuntimeError, match="in between"):
            async with RedisLocks(redis, LONG).hold("place"):
                raise RuntimeError("in between")
        assert not await redis.exists("txtproof:lock:place")


async def test_a_store_that_is_away_is_said_to_be() -> None:
    async with open_redis("redis://127.0.0.1:1/0") as redis:
        with pytest.raises(StoreUnavailable):
            await RedisLocks(redis, SHORT).hold("place").__aenter__()


class Slow(MemoryPublisher):
    """Writes whole sets, and reads them some time before."""

    capabilities = frozenset({Capability.READ_MODIFY_WRITE})


def test_what_needs_no_turns_has_none() -> None:
    plain = MemoryPublisher(MemoryZones("example.test"))
    assert locked(plain, "corp", MemoryLocks()) is plain


async def test_who_gets_no_turn_tries_again_later(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        zones = MemoryZones("example.test")
        publisher = locked(Slow(zones), "corp", RedisLocks(redis, SHORT))
        async with RedisLocks(redis, LONG).hold("corp:example.test:a.example.test"):
            answer = await publisher.ensure_txt("example.test", "a.example.test", b"code", 60)
            assert isinstance(answer, Unreachable), answer
            assert answer.reason is Reason.CONFLICT
            assert await publisher.ensure_txt("example.test", "b.example.test", b"code", 60) == Published()
        assert await publisher.ensure_txt("example.test", "a.example.test", b"code", 60) == Published()
