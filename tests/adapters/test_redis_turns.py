"""What only turns on a real server can show: calls of a process that died."""

import asyncio
import time
from datetime import timedelta

from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import TRY_EVERY, Rate, RedisTurns
from txtproof.core.model import Step
from txtproof.core.observations import Queued
from txtproof.ports import StoreUnavailable, Turn, Verdict

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


async def test_many_turns_are_taken_together_and_each_is_its_own(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        turns = RedisTurns(redis, encode_credential, RATES, new_id, worker="w")
        # the server does not know the script yet, nor again after it has lost it
        for _ in range(2):
            taken = await asyncio.gather(*(turns.take("corp", LANE) for _ in range(5)))
            calls = [one for one in taken if isinstance(one, Turn)]
            assert len({one.id for one in calls}) == 2
            assert len([one for one in taken if isinstance(one, Queued)]) == 3
            await asyncio.gather(*(turns.give_back(one, Verdict.TAKEN) for one in calls))
            assert await redis.exists("txtproof:calls:corp") == 0
            await redis.script_flush()


async def test_a_place_that_comes_soon_is_waited_for_and_others_are_told_at_once(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        rates = {"soon": Rate(20, 1), "late": Rate(1, 1)}
        patience = timedelta(seconds=0.5)
        turns = RedisTurns(redis, encode_credential, rates, new_id, worker="w", patience=patience)
        begun = time.monotonic()
        for credential in rates:
            turn = await turns.take(credential, LANE)
            assert isinstance(turn, Turn)
            await turns.give_back(turn, Verdict.TAKEN)
        soon, late = await turns.take("soon", LANE), await turns.take("late", LANE)
        assert isinstance(soon, Turn)
        assert isinstance(late, Queued)
        assert time.monotonic() - begun < patience.total_seconds()
        answers = await asyncio.gather(*(turns.take("soon", LANE) for _ in range(5)))
        assert all(isinstance(one, Queued) for one in answers), "nobody gives back, so that nobody's turn comes"
        assert time.monotonic() - begun < 3 * patience.total_seconds()


async def test_a_server_that_is_away_is_told_to_each(redis_url: str) -> None:
    async with open_redis("redis://127.0.0.1:1") as redis:
        turns = RedisTurns(redis, encode_credential, RATES, new_id, worker="w")
        told = await asyncio.gather(*(turns.take("corp", LANE) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [StoreUnavailable] * 3


async def test_who_is_cut_off_takes_no_turn_with_the_others(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        turns = RedisTurns(redis, encode_credential, RATES, new_id, worker="w")
        first, second, third = (asyncio.create_task(turns.take("corp", LANE)) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        assert isinstance(await first, Turn)
        assert isinstance(await third, Turn)


async def test_how_things_stand_with_a_credential_is_told_and_changes_nothing(redis_url: str) -> None:
    async with open_redis(redis_url) as redis:
        slow = {"corp": Rate(per_second=1, in_flight=2)}
        turns = RedisTurns(redis, encode_credential, slow, new_id, worker="w")
        fresh = await turns.standing("corp")
        assert (fresh.refused, fresh.tried_again, fresh.in_flight, fresh.most_in_flight) == (False, None, 0, 2)
        assert fresh.waits == timedelta(0)
        first, second = await turns.take("corp", LANE), await turns.take("corp", LANE)
        assert isinstance(first, Turn)
        assert isinstance(second, Turn)
        assert isinstance(await turns.take("corp", LANE), Queued)
        before = await redis.hgetall("txtproof:turns")
        busy = await turns.standing("corp")
        assert (busy.refused, busy.in_flight) == (False, 2)
        assert timedelta(seconds=1) < busy.waits < timedelta(seconds=2), "one waits already, and the next behind it"
        assert await redis.hgetall("txtproof:turns") == before
        await turns.give_back(first, Verdict.REFUSED)
        await turns.give_back(second, Verdict.LATER, timedelta(seconds=60))
        refused = await turns.standing("corp")
        assert refused.refused
        assert refused.tried_again is not None
        assert timedelta(0) < refused.tried_again - second.taken <= TRY_EVERY + timedelta(seconds=1)
        assert refused.in_flight == 0
        assert timedelta(seconds=58) < refused.waits <= timedelta(seconds=60)
        await turns.reopen()
        reopened = await turns.standing("corp")
        assert reopened.refused, "until a call has shown that it is taken"
        assert reopened.tried_again is not None
        assert reopened.tried_again - second.taken < timedelta(seconds=5)
        assert (await turns.standing("another")).in_flight == 0
