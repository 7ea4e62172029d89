"""What every keeper of turns keeps to: the stand-in in memory, and Valkey."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from txtproof.adapters.clock import new_id
from txtproof.adapters.cloud_events import encode, encode_credential
from txtproof.adapters.redis_connection import open_redis
from txtproof.adapters.redis_register import RedisRegister
from txtproof.adapters.redis_store import RedisStore
from txtproof.adapters.redis_turns import Rate, RedisTurns
from txtproof.core.model import Step
from txtproof.core.observations import Queued
from txtproof.ports import Closed, Turn, Turns, Verdict
from txtproof.testing.clock import ManualClock
from txtproof.testing.turns import MemoryRate, MemoryTurns

LANE = Step.REQUEST_CODE
AMPLE = timedelta(milliseconds=20)
"""More than the rate of `wide` asks for."""
SLOW, WIDE, BRIEF = "slow", "wide", "brief"
"""One call a second and two at a time; a thousand a second and three at a time; the same, two at a time."""
BRIEFLY = timedelta(seconds=1)
"""How long what calls take is thought to hold."""


@dataclass(frozen=True)
class Bench:
    """Turns under test, and what was told of credentials."""

    turns: Turns
    valkey: RedisTurns | None
    memory: MemoryTurns | None
    register: RedisRegister | None
    store: RedisStore | None
    clock: ManualClock | None

    async def now(self) -> datetime:
        if self.clock is not None:
            return self.clock.now()
        assert self.store is not None
        return await self.store.now()

    async def taken(self, credential: str, place: datetime | None = None) -> Turn:
        turn = await self.turns.take(credential, LANE, place)
        assert isinstance(turn, Turn)
        return turn

    async def told(self) -> int:
        if self.memory is not None:
            return len(self.memory.told)
        assert self.register is not None
        return len([event async for event in self.register.events(follow=False)])

    async def passing(self, by: timedelta) -> None:
        if self.clock is not None:
            self.clock.advance(by)
            return
        until = await self.now() + by
        while await self.now() <= until:
            pass


@pytest.fixture(params=["memory", "valkey"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        clock = ManualClock()
        few = {SLOW: MemoryRate(1, 2), WIDE: MemoryRate(1000, 3), BRIEF: MemoryRate(1000, 2)}
        memory = MemoryTurns(clock.now, few, foreseen=BRIEFLY)
        yield Bench(memory, None, memory, None, None, clock)
        return
    async with open_redis(request.getfixturevalue("redis_url")) as redis:
        rates = {SLOW: Rate(1, 2), WIDE: Rate(1000, 3), BRIEF: Rate(1000, 2)}
        turns = RedisTurns(redis, encode_credential, rates, new_id, foreseen=BRIEFLY)
        yield Bench(turns, turns, None, RedisRegister(redis), RedisStore(redis, encode), None)


async def test_calls_in_flight_are_bounded_and_one_that_is_over_makes_room(bench: Bench) -> None:
    turns = [await bench.taken(WIDE) for _ in range(3)]
    await bench.passing(AMPLE)
    assert isinstance(await bench.turns.take(WIDE, LANE), Queued)
    await bench.turns.give_back(turns[0], Verdict.TAKEN)
    await bench.passing(AMPLE)
    await bench.taken(WIDE)


async def test_who_comes_too_early_has_a_place_in_the_line_and_places_are_apart(bench: Bench) -> None:
    for _ in range(2):
        await bench.turns.give_back(await bench.taken(SLOW), Verdict.TAKEN)
    begun = await bench.now()
    places = [await bench.turns.take(SLOW, LANE) for _ in range(3)]
    assert all(isinstance(place, Queued) for place in places)
    first, second, third = (place.until for place in places if isinstance(place, Queued))
    # the store says whole milliseconds, and cuts off the rest
    assert timedelta(0) < first - begun <= timedelta(seconds=1, milliseconds=1)
    assert second - first == third - second == timedelta(seconds=1)


async def test_a_place_that_has_come_is_paid_for(bench: Bench) -> None:
    for _ in range(2):
        await bench.turns.give_back(await bench.taken(SLOW), Verdict.TAKEN)
    mine, others = await bench.turns.take(SLOW, LANE), await bench.turns.take(SLOW, LANE)
    assert isinstance(mine, Queued)
    assert isinstance(others, Queued)
    await bench.passing(mine.until - await bench.now())
    await bench.turns.give_back(await bench.taken(SLOW, mine.until), Verdict.TAKEN)
    late = await bench.turns.take(SLOW, LANE, others.until)
    assert isinstance(late, Queued), "a place that has not come yet is no turn"


async def test_places_are_no_nearer_than_calls_end(bench: Bench) -> None:
    for _ in range(12):
        turns = [await bench.taken(WIDE) for _ in range(3)]
        await bench.passing(AMPLE * 3)
        for turn in turns:
            await bench.turns.give_back(turn, Verdict.TAKEN)
    for _ in range(3):
        await bench.taken(WIDE)
    begun = await bench.now()
    places = [await bench.turns.take(WIDE, LANE) for _ in range(10)]
    untils = [place.until for place in places if isinstance(place, Queued)]
    assert len(untils) == 10
    # three at a time, of some 60 ms each: what is told of them is an average that comes near to that
    assert timedelta(milliseconds=100) < untils[-1] - untils[0] < timedelta(milliseconds=300)
    assert untils[0] - begun < timedelta(milliseconds=100)


async def test_what_calls_took_in_bad_times_holds_nobody_up_for_longer_than_can_be_foreseen(bench: Bench) -> None:
    for _ in range(16):
        # few calls, as of a provider that is nearly gone: of 300 ms on the average of the latest
        turns = [await bench.taken(BRIEF) for _ in range(2)]
        await bench.passing(timedelta(milliseconds=500))
        for turn in turns:
            await bench.turns.give_back(turn, Verdict.TAKEN)
    held = [await bench.taken(BRIEF) for _ in range(2)]
    places = [await bench.turns.take(BRIEF, LANE) for _ in range(200)]
    now = await bench.now()
    untils = [place.until for place in places if isinstance(place, Queued)]
    assert len(untils) == 200
    assert len(set(untils)) == 200, "what comes in vain comes no faster than by the rate"
    assert untils == sorted(untils)
    # by how long calls take, the last one would have to wait 50 s
    assert untils[-1] - now < BRIEFLY + timedelta(milliseconds=600)
    assert untils[1] - untils[0] > timedelta(milliseconds=100), "as long as it is near, calls are waited for"
    await bench.passing(untils[-1] - await bench.now())
    again = [await bench.turns.take(BRIEF, LANE, until) for until in untils[-50:]]
    later = [place.until for place in again if isinstance(place, Queued)]
    assert len(set(later)) == 50, "nobody finds room, and each comes again by the rate"
    for turn in held:
        await bench.turns.give_back(turn, Verdict.TAKEN)
    await bench.passing(later[0] - await bench.now())
    assert isinstance(await bench.turns.take(BRIEF, LANE, later[0]), Turn)


async def test_a_place_that_comes_while_calls_take_longer_is_not_lost(bench: Bench) -> None:
    turns = [await bench.taken(WIDE) for _ in range(3)]
    mine = await bench.turns.take(WIDE, LANE)
    assert isinstance(mine, Queued)
    many = [await bench.turns.take(WIDE, LANE) for _ in range(1_000)]
    assert all(isinstance(one, Queued) for one in many)
    await bench.passing(AMPLE)
    again = await bench.turns.take(WIDE, LANE, mine.until)
    assert isinstance(again, Queued)
    assert again.until - await bench.now() < timedelta(milliseconds=100), "it goes before those that came later"
    for turn in turns:
        await bench.turns.give_back(turn, Verdict.TAKEN)
    await bench.passing(again.until - await bench.now())
    assert isinstance(await bench.turns.take(WIDE, LANE, again.until), Turn)


async def test_one_credential_does_not_hold_up_another(bench: Bench) -> None:
    for _ in range(3):
        await bench.taken(WIDE)
    await bench.taken(SLOW)
    assert isinstance(await bench.turns.take("publisher:of-which-nothing-was-said", LANE), Turn)


async def test_a_refused_credential_is_closed_for_all_and_said_once(bench: Bench) -> None:
    first, second = await bench.taken(WIDE), await bench.taken(WIDE)
    await bench.turns.give_back(first, Verdict.REFUSED)
    await bench.turns.give_back(second, Verdict.REFUSED)
    closed = await bench.turns.take(WIDE, LANE)
    assert isinstance(closed, Closed)
    assert timedelta(seconds=29) < closed.until - await bench.now() <= timedelta(seconds=30, milliseconds=1)
    assert await bench.told() == 1
    assert isinstance(await bench.turns.take(SLOW, LANE), Turn)


async def test_after_a_person_has_acted_one_call_tries_and_its_success_opens_for_all(bench: Bench) -> None:
    await bench.turns.give_back(await bench.taken(WIDE), Verdict.REFUSED)
    await bench.turns.reopen()
    trying = await bench.taken(WIDE)
    assert isinstance(await bench.turns.take(WIDE, LANE), Closed), "the others wait for what becomes of it"
    await bench.turns.give_back(trying, Verdict.TAKEN)
    await bench.taken(WIDE)
    assert await bench.told() == 2


async def test_a_try_without_an_answer_opens_nothing(bench: Bench) -> None:
    await bench.turns.give_back(await bench.taken(WIDE), Verdict.REFUSED)
    await bench.turns.reopen()
    await bench.turns.give_back(await bench.taken(WIDE), Verdict.UNKNOWN)
    assert isinstance(await bench.turns.take(WIDE, LANE), Closed)
    assert await bench.told() == 1


async def test_who_asks_to_be_called_later_has_all_wait_in_line_until_then(bench: Bench) -> None:
    turn = await bench.taken(WIDE)
    begun = await bench.now()
    await bench.turns.give_back(turn, Verdict.LATER, timedelta(seconds=7))
    places = [await bench.turns.take(WIDE, LANE) for _ in range(2)]
    first, second = (place.until for place in places if isinstance(place, Queued))
    assert timedelta(seconds=7) <= first - begun < timedelta(seconds=8)
    assert second - first == timedelta(milliseconds=1)
    assert isinstance(await bench.turns.take(SLOW, LANE), Turn), "it holds that credential only"
