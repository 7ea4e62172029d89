"""The stream on which other services' commands come in."""

import asyncio
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from txtproof.adapters.command_stream import GROUP, SHOWN, CommandStream, Message
from txtproof.adapters.redis_connection import open_redis

SOON = timedelta(milliseconds=50)


async def sent(redis: Redis, *bodies: bytes) -> None:
    for body in bodies:
        await redis.xadd("txtproof:commands", {"event": body})


async def read(stream: CommandStream, limit: int = 10) -> list[Message]:
    """Read; the first read of all makes the group and brings nothing."""
    return await stream.read(limit, SOON) or await stream.read(limit, SOON)


async def test_what_was_sent_before_the_first_worker_came_is_read(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"one", b"two", b"three")
        messages = await read(CommandStream(redis, "a"), 2)
        assert [message.body for message in messages] == [b"one", b"two"]
        assert b"one" not in repr(messages).encode()


async def test_each_message_goes_to_one_worker(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"one", b"two")
        first, second = CommandStream(redis, "a"), CommandStream(redis, "b")
        assert [one.body for one in await read(first, 1)] == [b"one"]
        assert [one.body for one in await read(second, 10)] == [b"two"]


async def test_what_a_dead_worker_left_is_taken_by_another(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"one")
        assert len(await read(CommandStream(redis, "dead"))) == 1
        heir = CommandStream(redis, "alive", idle=timedelta(milliseconds=30))
        async with asyncio.timeout(5):
            while not (found := await heir.read(10, SOON)):
                pass
        assert [one.body for one in found] == [b"one"]


async def test_what_came_in_a_reply_that_was_lost_is_read_at_once_and_once(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        stream = CommandStream(redis, "a")
        await sent(redis, b"one")
        assert len(await read(stream)) == 1
        await sent(redis, b"two", b"three")
        await redis.xreadgroup(GROUP, "a", {"txtproof:commands": ">"}, count=1)
        assert [one.body for one in await stream.read(10, SOON)] == [b"two"]
        assert [one.body for one in await stream.read(10, SOON)] == [b"three"]
        assert await stream.read(10, SOON) == []


async def test_what_was_read_and_not_stored_is_read_again_where_that_is_asked_for(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        stream = CommandStream(redis, "a")
        await sent(redis, b"one")
        once = await read(stream)
        stream.start_over()
        assert await stream.read(10, SOON) == once
        assert await stream.read(10, SOON) == []


async def test_what_a_dead_worker_left_is_not_looked_for_at_each_read(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        stream = CommandStream(redis, "a")
        await read(stream)
        await redis.config_resetstat()
        for number in range(5):
            await sent(redis, str(number).encode())
            assert len(await stream.read(10, SOON)) == 1
        assert "cmdstat_xautoclaim" not in await redis.info("commandstats")


async def test_an_acknowledged_message_does_not_come_again(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"one")
        stream = CommandStream(redis, "a", idle=timedelta(0))
        (message,) = await read(stream)
        await redis.xack(*stream.ack_of(message))
        assert await stream.read(10, SOON) == []


async def test_a_rejected_message_is_kept_with_its_problem_and_does_not_come_again(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"x" * (SHOWN + 5))
        stream = CommandStream(redis, "a", idle=timedelta(0))
        (message,) = await read(stream)
        await stream.reject(message, b'{"title":"too large"}')
        assert await stream.read(10, SOON) == []
        rejected: Any = await redis.xrange("txtproof:rejected")
        ((_, fields),) = rejected
        assert fields == {
            b"event": b"x" * SHOWN,
            b"problem": b'{"title":"too large"}',
            b"entry": message.entry_id.encode(),
        }


async def test_an_entry_without_the_field_is_empty_and_not_lost(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await redis.xadd("txtproof:commands", {"something": b"else"})
        (message,) = await read(CommandStream(redis, "a"))
        assert message.body == b""


async def test_an_entry_that_was_deleted_while_it_was_pending_is_passed_over(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        await sent(redis, b"one", b"two")
        stream = CommandStream(redis, "a", idle=timedelta(0))
        first, _ = await read(stream)
        await redis.xdel("txtproof:commands", first.entry_id)
        assert [one.body for one in await stream.read(10, SOON)] == [b"two"]


async def test_a_server_that_lost_everything_is_worked_with_again(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        stream = CommandStream(redis, "a")
        await read(stream)
        await redis.flushall()
        await sent(redis, b"one")
        assert [one.body for one in await read(stream)] == [b"one"]
