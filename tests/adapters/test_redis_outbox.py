"""The outbox is bounded by age and by length, and says so where somebody had not read that far."""

import json
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from txtproof.adapters.cloud_events import encode_trimmed
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_outbox import RedisOutbox

EVENTS = "txtproof:events"
DAY = 86_400_000
"""Milliseconds."""
MANY = 1000
"""Redis trims whole nodes, of 100 entries here."""


async def filled(redis: Redis, *, days_ago: int, groups: tuple[str, ...] = ()) -> None:
    """Put old events and new ones into the outbox, and let groups begin at its start."""
    seconds, _ = await redis.time()
    for number in range(MANY):
        await redis.xadd(EVENTS, {"event": b"old"}, id=f"{seconds * 1000 - days_ago * DAY}-{number}")
    for number in range(MANY):
        await redis.xadd(EVENTS, {"event": b"new"}, id=f"{seconds * 1000}-{number}")
    for group in groups:
        await redis.xgroup_create(EVENTS, group, id="0")


async def test_what_is_too_old_goes_and_what_is_not_stays(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await filled(redis, days_ago=8)
        assert await RedisOutbox(redis, encode_trimmed, 1_000_000, timedelta(days=7)).trim() == []
        assert MANY <= await redis.xlen(EVENTS) < MANY + 100
        assert await RedisOutbox(redis, encode_trimmed, 1_000_000, timedelta(days=7)).trim() == []


async def test_what_is_too_much_goes_whatever_its_age(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await filled(redis, days_ago=1)
        await RedisOutbox(redis, encode_trimmed, 500, timedelta(days=7)).trim()
        assert 500 <= await redis.xlen(EVENTS) < 600


async def test_a_reader_that_had_not_read_what_went_is_named_in_an_event(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await filled(redis, days_ago=8, groups=("slow", "quick", "in-between"))
        await redis.xreadgroup("quick", "one", {EVENTS: ">"}, count=2 * MANY)
        await redis.xreadgroup("in-between", "one", {EVENTS: ">"}, count=MANY)
        outbox = RedisOutbox(redis, encode_trimmed, 1_000_000, timedelta(days=7))
        assert await outbox.trim() == ["slow"]
        last: Any = await redis.xrevrange(EVENTS, count=1)
        event = json.loads(last[0][1][b"event"])
        assert (event["type"], event["data"]) == ("com.txtproof.events.trimmed.v1", {"groups": ["slow"]})
        assert await outbox.trim() == [], "it is said once"


async def test_an_outbox_that_does_not_exist_is_trimmed_to_nothing(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        assert await RedisOutbox(redis, encode_trimmed, 1, timedelta(days=7)).trim() == []
        assert await redis.keys("*") == []
