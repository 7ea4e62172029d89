"""Chores are shared: who asks first has one, and who asks for less time between two of them has it sooner."""

from datetime import timedelta

from txtproof.adapters.redis_chores import RedisChores
from txtproof.adapters.redis_connection import open_redis

SHORT, LONG = timedelta(milliseconds=50), timedelta(minutes=1)


async def test_a_chore_is_taken_once_in_its_time(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        first, second = RedisChores(redis), RedisChores(redis)
        assert await first.take("sweep", LONG)
        assert not await second.take("sweep", SHORT)
        assert await second.take("trim", LONG), "another chore"
        while not await second.take("sweep", SHORT):
            pass
        assert not await first.take("sweep", LONG), "somebody has just done it"
