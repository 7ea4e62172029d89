"""When a lane is rung, and when the process that gave it work goes on with it itself."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tasks import base
from tests.workflow.world import World
from txtproof.assembly import Services
from txtproof.core.model import State, Step


class Celery:
    """As much of it as rings."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def send_task(self, name: str, **_: Any) -> None:
        self.rung.append(name)


@pytest.fixture
def celery(monkeypatch: pytest.MonkeyPatch) -> Celery:
    stand_in = Celery()
    monkeypatch.setattr(base, "current_app", stand_in)
    return stand_in


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def home(world: World) -> Iterator[base.Home]:
    services = cast("Services", SimpleNamespace(workflow=world.workflow(), store=world.store))
    with asyncio.Runner() as runner:
        here = base.Home(runner, services, base.Lanes())
        base.settle(here)
        yield here
        base.settle(None)
        here.lanes._file.close()  # a worker keeps it for as long as it lives


def test_one_process_brings_a_verification_through_all_its_lanes(home: base.Home, world: World, celery: Celery) -> None:
    home.run(world.request())
    base.drain(Step.REQUEST_CODE)
    assert home.run(world.verification()).state is State.VERIFIED
    assert celery.rung == []


def test_a_lane_is_attended_while_it_is_drained_and_not_after(home: base.Home, world: World, celery: Celery) -> None:
    seen: list[bool] = []

    class Upstream:
        async def generate_code(self, key: Any) -> Any:
            seen.append(home.lanes.attended(Step.REQUEST_CODE))
            await base.ring_unless_attended(home.lanes, Step.REQUEST_CODE)
            return await world.upstream.generate_code(key)

    services = cast("Services", SimpleNamespace(workflow=world.workflow(upstream=Upstream()), store=world.store))
    base.settle(base.Home(home.runner, services, home.lanes))
    home.run(world.request())
    base.drain(Step.REQUEST_CODE)
    assert seen == [True]
    assert celery.rung == []
    assert not any(home.lanes.attended(step) for step in Step)
    home.run(base.ring_unless_attended(home.lanes, Step.REQUEST_CODE))
    assert celery.rung == ["verification.request_code"]


def test_work_that_came_without_a_bell_is_found_after_letting_go(home: base.Home, world: World, celery: Celery) -> None:
    """Whoever commits to an attended lane does not ring: it may have been claimed from for the last time by then."""
    empty = world.store.claim

    async def claim(step: Step, limit: int) -> Any:
        claimed = await empty(step, limit)
        if not claimed.rows and not world.store.outbox:
            await world.request()
        return claimed

    world.store.claim = claim  # type: ignore[method-assign]  # the moment after the last claim
    base.drain(Step.REQUEST_CODE)
    assert home.run(world.verification()).state is State.VERIFIED
    assert celery.rung == []


def test_where_the_drain_goes_on_the_lane_that_it_gave_work_to_is_rung(home: base.Home, celery: Celery) -> None:
    bells = base.Bells(home.lanes)

    async def go_on() -> None:
        for _ in range(3):
            await bells.ring(Step.PUBLISH_RECORD)
        async with asyncio.timeout(5):
            while not celery.rung:
                await asyncio.sleep(base.HELD_BACK)

    home.run(go_on())
    assert celery.rung == ["verification.publish_record"]
    assert bells.stop() == []


def test_a_lane_that_a_process_has_by_then_is_not_rung(home: base.Home, celery: Celery) -> None:
    bells = base.Bells(home.lanes)

    async def go_on() -> None:
        await bells.ring(Step.PUBLISH_RECORD)
        home.lanes.attend(Step.PUBLISH_RECORD)
        await bells.ring(Step.CHECK_RECORD)
        await asyncio.sleep(4 * base.HELD_BACK)
        await bells.ring(Step.PUBLISH_RECORD)

    home.run(go_on())
    assert celery.rung == ["verification.check_record"]
    assert bells.stop() == []


def test_a_worker_that_stops_leaves_the_next_lane_to_others(home: base.Home, world: World, celery: Celery) -> None:
    home.run(world.request())
    home.lanes.stop()
    base.drain(Step.REQUEST_CODE)
    assert home.run(world.verification()).state is State.REQUESTED
    assert celery.rung == ["verification.request_code"]
