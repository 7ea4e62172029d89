"""Whole lives of verifications whose record somebody writes by hand: told once, seen when it is there, left to them."""

from datetime import timedelta
from typing import Any

import pytest

from tests.workflow.test_killed_anywhere import Killed, Knife
from tests.workflow.world import DOMAIN, KEY, LEASE, SPF, World
from txtproof.adapters.publishers.manual import ManualPublisher
from txtproof.adapters.publishers.routing import Registration, RoutedPublishing
from txtproof.core.model import State, Verification
from txtproof.core.observations import Cancel, CheckNow, Resume
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.ports import Welcome


def by_hand() -> RoutedPublishing:
    return RoutedPublishing([Registration("customers", ("",), ManualPublisher())])


class ByHand(World):
    """A world in which nobody but the test writes, as the customer that it plays."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(policy)
        self.people: Any = by_hand()

    def workflow(self, **parts: Any) -> Any:
        return super().workflow(**({"publishing": self.people} | parts))

    def required(self) -> list[dict[str, Any]]:
        """Return what the customer was told, in order."""
        return [dict(event.data) for event in self.store.outbox if event.kind == "record-required"]

    def write(self) -> None:
        """Write, beside what stands there, what was asked for last."""
        (told,) = self.required()[-1:]
        held = self.zones.read(str(told["name"]))
        values = held.values if held else ()
        self.zones.put(str(told["name"]), 300, *values, str(told["value"]).encode())

    async def after(self, looks: int) -> Verification:
        """Work until so many looks have missed."""
        while (await self.verification()).looks < looks:
            await self.work()
            assert await self.pass_on()
        await self.work()
        return await self.verification()


@pytest.fixture
def world() -> ByHand:
    return ByHand()


async def test_a_domain_is_verified_once_its_owner_has_written_what_the_event_says(world: ByHand) -> None:
    await world.request()
    v = await world.after(looks=20)
    (told,) = world.required()
    assert (told["name"], told["type"], told["ttl"]) == (DOMAIN, "TXT", 60)
    assert told["value"] == world.upstream.issued[KEY][-1].code
    assert world.ours() == []
    assert (v.state, v.reason) == (State.CHECKING, Reason.OTHER_VALUE), "nothing blames a provider"
    world.write()
    await world.run_until(State.VERIFIED)
    assert [kind for kind in world.kinds() if kind != "checked"] == [
        "accepted",
        "code-issued",
        "record-required",
        "verified",
    ]
    await world.run_out()
    assert len(world.ours()) == 1
    assert world.neighbours_are_untouched()


async def test_the_owner_who_asks_for_a_look_is_answered_at_once(world: ByHand) -> None:
    await world.request()
    await world.after(looks=30)
    world.write()
    assert await world.take(CheckNow()) is Welcome.ATTACHED
    await world.work()
    assert (await world.verification()).state is State.VERIFIED


async def test_a_new_code_is_told_anew_and_the_old_one_is_called_old(world: ByHand) -> None:
    await world.request(first_lifetimes=[timedelta(minutes=30)])
    await world.after(looks=3)
    first = world.required()[0]["value"]
    world.zones.put(DOMAIN, 300, SPF, b"something else")
    while len(world.required()) < 2:
        await world.work()
        await world.pass_on()
    world.zones.put(DOMAIN, 300, SPF, str(first).encode())
    v = await world.after(looks=2)
    assert v.reason is Reason.OLD_CODE
    world.write()
    await world.run_until(State.VERIFIED)
    assert [told["generation"] for told in world.required()] == [1, 2]
    await world.run_out()
    assert world.ours() == [told["value"] for told in world.required()], "what a person wrote is left to them"
    assert "record-removed" not in world.kinds()


@pytest.mark.parametrize("policy", [Policy(), Policy(records="withdraw")])
async def test_what_was_asked_for_in_vain_is_left_to_whoever_wrote_it(policy: Policy) -> None:
    world = ByHand(policy)
    await world.request()
    await world.after(looks=2)
    await world.take(Cancel())
    world.zones.put(DOMAIN, 300, SPF, b"written too late")
    await world.run_out()
    v = await world.verification()
    assert (v.state, v.step, v.ledger) == (State.CANCELLED, None, ())
    assert world.ours() == ["written too late"]
    assert "record-removed" not in world.kinds()


async def test_where_the_configuration_gives_a_zone_to_people_they_are_told_at_the_next_repair(world: ByHand) -> None:
    world.people = world.publishing
    world.serving = False
    await world.request(lifetime=timedelta(days=30))
    await world.after(looks=1)
    assert (world.required(), len(world.ours())) == ([], 1)
    world.people = by_hand()
    await world.after(looks=40)
    assert len(world.required()) == 1


async def test_a_resume_of_what_had_no_route_tells_once(world: ByHand) -> None:
    world.people = RoutedPublishing([])
    await world.request()
    await world.run_until(State.BLOCKED)
    world.people = by_hand()
    for _ in range(3):
        await world.take(Resume())
        await world.work()
    await world.after(looks=20)
    assert len(world.required()) == 1


async def test_it_is_told_once_wherever_a_worker_is_killed() -> None:
    deaths = 0
    while True:
        knife = Knife(at=deaths + 1)
        world = ByHand()
        world.upstream.register(KEY, DOMAIN, lifetime=timedelta(days=7))
        await world.take(Request(DOMAIN))
        await _lived(world, knife)
        assert [told["generation"] for told in world.required()] == [1]
        assert (await world.verification()).state is State.VERIFIED
        if knife.left > 0:
            break
        deaths += 1
    assert deaths >= 40, "the knife did not reach the whole of it"


async def _lived(world: ByHand, knife: Knife) -> None:
    """Live to the end with one death on the way; the owner writes the record after the first repair."""
    parts = {name: knife.around(getattr(world, name)) for name in ("store", "upstream", "lookup")}
    parts["publishing"] = knife.around(world.people)
    for _ in range(60):
        try:
            await world.work(world.workflow(**parts))
        except Killed:
            world.clock.advance(LEASE)
            continue
        if (await world.verification()).looks == 10:
            world.write()
        if not await world.pass_on():
            return
    raise AssertionError("it never came to an end")
