"""What only turns on a real server can show: calls of a process that died."""

from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import Rate, RedisTurns
from txtproof.core.model import Step
from txtproof.core.observations import Queued
from txtproof.ports import Turn, Verdict

LANE, OTHER = Step.PUBLISH_RECORD, Step.WITHDRAW_RECORD
RATES = {"corp": Rate(per_second=10_000, in_flight=2)}


async def test_the_calls_of_a_dead_process_make_room_when_its_rows_are_taken_up(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode, worker="w")
        turns = RedisTurns(redis, encode_credential, RATES, new_id, worker="w")
        assert isinstance(await turns.take("corp", LANE), Turn)
        other = await turns.take("corp", OTHER)
        assert isinstance(other, Turn)
        assert isinstance(await turns.take("corp", LANE), Queued)
        await RedisStore(redis, encode, worker="another").recover(LANE)
        assert await redis.zcard("txtproof:calls:corp") == 2, "that worker's process may be at it"
        await store.recover(LANE)
        assert await redis.zcard("txtproof:calls:corp") == 1, "the other lane has a process of its own"
        await turns.give_back(other, Verdict.TAKEN)
        assert await redis.exists("txtproof:held:w", "txtproof:calls:corp") == 0


async def test_the_calls_of_a_process_that_gave_its_lane_away_are_not_ended(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        store = RedisStore(redis, encode, worker="w")
        turns = RedisTurns(redis, encode_credential, RATES, new_id, worker="w")
        await turns.take("corp", LANE)
        await turns.leave(OTHER)
        await turns.leave(LANE)
        await store.recover(LANE)
        assert await redis.zcard("txtproof:calls:corp") == 1
