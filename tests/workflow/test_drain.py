"""How a lane is worked on: beside each other, within limits, and without harm to neighbours."""

import asyncio
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.workflow.world import DOMAIN, KEY, LEASE, PATIENCE, World
from txtproof.adapters.clock import MonotonicClock
from txtproof.core.model import Key, State, Step
from txtproof.core.observations import Cancel, UpstreamAnswer
from txtproof.core.reasons import Reason
from txtproof.politeness import NEXUS
from txtproof.ports import StoreUnavailable, Timeouts
from txtproof.testing.turns import MemoryRate, MemoryTurns
from txtproof.testing.upstream import MemoryUpstream

SLOW = Key(1, 1)


class Held(MemoryUpstream):
    """A Nexus that answers for one key only when it is let go."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock.now)
        self.let_go = asyncio.Event()
        self.most = 0
        self.now_in_flight = 0

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        self.now_in_flight += 1
        self.most = max(self.most, self.now_in_flight)
        try:
            if key == SLOW:
                await self.let_go.wait()
            return await super().generate_code(key)
        finally:
            self.now_in_flight -= 1


async def requests(world: World, upstream: MemoryUpstream, *keys: Key) -> None:
    world.upstream = upstream
    for key in keys:
        await world.request(key)


async def test_a_slow_visit_holds_up_nobody() -> None:
    world = World()
    held = Held(world)
    quick = [Key(2, number) for number in range(1, 21)]
    await requests(world, held, SLOW, *quick)
    draining = asyncio.create_task(
        replace(world.workflow(), in_flight=2).drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    )
    while len(held.issued) < len(quick):
        await asyncio.sleep(0)
    assert not draining.done()
    held.let_go.set()
    assert await draining
    assert held.most == 2
    assert SLOW in held.issued


async def test_after_the_patience_nothing_more_is_begun_and_what_was_begun_is_finished() -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW, *(Key(2, number) for number in range(1, 6)))
    drain = replace(world.workflow(), in_flight=1).drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    draining = asyncio.create_task(drain)
    while not held.now_in_flight:
        await asyncio.sleep(0)
    world.clock.advance(PATIENCE)
    held.let_go.set()
    assert not await draining
    assert list(held.issued) == [SLOW]


async def test_lanes_with_new_work_are_rung_and_ones_own_is_not() -> None:
    world = World()
    await world.request()
    assert await world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert world.rung == [Step.PUBLISH_RECORD]


class Faulty(MemoryUpstream):
    """An adapter with a fault of ours, and a secret in its exception."""

    failed = 0

    async def generate_code(self, key: Key) -> UpstreamAnswer:
        if key == SLOW:
            self.failed += 1
            raise LookupError("the-secret-code")
        return await super().generate_code(key)


async def test_a_fault_costs_its_row_a_lease_and_its_neighbours_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    await requests(world, Faulty(world.clock.now), SLOW, KEY)
    with caplog.at_level(logging.DEBUG):
        await world.work()
    assert (await world.verification(KEY)).state is State.VERIFIED
    assert (await world.verification(SLOW)).state is State.REQUESTED
    assert "LookupError" in caplog.text
    assert "the-secret-code" not in caplog.text


async def test_a_row_that_never_comes_to_a_commit_is_set_aside_as_poison() -> None:
    world = World()
    await requests(world, Faulty(world.clock.now), SLOW, KEY)
    for _ in range(world.policy.max_claims + 1):
        await world.work()
        world.clock.advance(LEASE)
    await world.work()
    v = await world.verification(SLOW)
    assert (v.state, v.reason) == (State.BLOCKED, Reason.POISON)
    assert (await world.verification(KEY)).state is State.VERIFIED


async def test_a_row_that_waits_for_its_turn_in_between_is_set_aside_as_poison_after_as_many_failures() -> None:
    world = World()
    world.turns = MemoryTurns(world.clock.now, {NEXUS: MemoryRate(per_second=0.5 / LEASE.total_seconds(), in_flight=1)})
    faulty = Faulty(world.clock.now)
    await requests(world, faulty, SLOW)
    await world.work()
    world.clock.advance(LEASE)
    await world.work()
    assert (await world.verification(SLOW)).reason is Reason.QUEUED
    assert (await world.run_until(State.BLOCKED, SLOW)).reason is Reason.POISON
    assert faulty.failed == world.policy.max_claims


async def test_a_visit_that_takes_too_long_is_ended_and_taken_up_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW)
    impatient = replace(world.workflow(), timeouts=Timeouts(visit=timedelta(milliseconds=10)))
    assert await impatient.drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert "took too long" in caplog.text
    held.let_go.set()
    world.clock.advance(LEASE)
    await world.run_until(State.VERIFIED, SLOW)


async def test_a_visit_whose_row_was_taken_over_does_nothing_more() -> None:
    world = World()
    await world.request()
    await world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE)

    class Frozen:
        """A publisher's routing during which the lease runs out and somebody else takes the row."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.publishing, name)

        async def route(self, name: str) -> Any:
            world.clock.advance(LEASE)
            assert len((await world.store.claim(Step.PUBLISH_RECORD, 1)).rows) == 1
            return await world.publishing.route(name)

    frozen = world.workflow(publishing=Frozen())
    await frozen.drain(Step.PUBLISH_RECORD, world.ring, PATIENCE)
    assert world.publishing.publisher.calls == []
    assert world.kinds() == ["accepted", "code-issued"]


async def test_a_store_that_is_away_comes_out_as_that() -> None:
    world = World()
    await world.request()

    class Away:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.store, name)

        async def commit(self, _commits: Any) -> Any:
            raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await world.workflow(store=Away()).drain(Step.REQUEST_CODE, world.ring, PATIENCE)


async def test_a_command_that_comes_during_a_visit_is_heard_right_after_it() -> None:
    world = World()

    class Interrupted(MemoryUpstream):
        async def generate_code(self, key: Key) -> UpstreamAnswer:
            await world.take(Cancel())
            return await super().generate_code(key)

    await requests(world, Interrupted(world.clock.now), KEY)
    await world.work()
    assert (await world.verification()).state is State.CANCELLED
    assert (await world.verification()).domain == DOMAIN


async def test_no_row_is_begun_once_the_worker_is_about_to_end() -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW, KEY)
    begun = replace(world.workflow(), in_flight=1).drain(
        Step.REQUEST_CODE, world.ring, PATIENCE, stopping=lambda: held.now_in_flight > 0 or bool(held.issued)
    )
    draining = asyncio.create_task(begun)
    while not held.now_in_flight:
        await asyncio.sleep(0)
    held.let_go.set()
    assert not await draining
    assert list(held.issued) == [SLOW]


async def test_what_a_drain_is_cut_off_from_is_handed_back_at_once_and_runs_on_nowhere() -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW)
    draining = asyncio.create_task(world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE))
    while not held.now_in_flight:
        await asyncio.sleep(0)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    assert held.now_in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    (row,) = (await world.store.claim(Step.REQUEST_CODE, 1)).rows
    assert row.claims == 1, "it is not the row's fault"


async def test_what_a_process_of_the_worker_held_when_it_died_is_taken_up_at_once() -> None:
    world = World()
    await world.request()
    assert len((await world.store.claim(Step.REQUEST_CODE, 10)).rows) == 1
    await world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert (await world.verification()).state is State.PUBLISHING


async def test_what_falls_due_while_all_visits_hang_is_begun_all_the_same() -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW)
    draining = asyncio.create_task(world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE))
    while not held.now_in_flight:
        await asyncio.sleep(0)
    await world.request(KEY)
    while (await world.verification(KEY)).state is State.REQUESTED:
        await asyncio.sleep(0.01)
    assert held.now_in_flight == 1
    held.let_go.set()
    await draining


async def test_past_the_patience_another_process_has_the_lane_while_what_was_begun_goes_on() -> None:
    world = World()
    held = Held(world)
    await requests(world, held, SLOW)
    gone = asyncio.Event()

    async def let_go() -> None:
        gone.set()

    first = replace(world.workflow(), clock=MonotonicClock())
    soon = timedelta(milliseconds=20)
    draining = asyncio.create_task(first.drain(Step.REQUEST_CODE, world.ring, soon, let_go=let_go))
    await gone.wait()
    await world.request(KEY)
    await world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert (await world.verification(KEY)).state is State.PUBLISHING
    assert held.now_in_flight == 1
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)


async def test_what_follows_from_a_visits_end_is_not_cut_off_too() -> None:
    world = World()
    await requests(world, Held(world), SLOW)

    class Slow:
        """A store that takes its time to leave a row to its lease."""

        def __getattr__(self, name: str) -> Any:
            return getattr(world.store, name)

        async def leave(self, rows: Any) -> None:
            await asyncio.sleep(0.05)
            await world.store.leave(rows)

    impatient = replace(world.workflow(store=Slow()), timeouts=Timeouts(visit=timedelta(milliseconds=10)))
    assert await impatient.drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert await world.store.recover(Step.REQUEST_CODE) == 0
