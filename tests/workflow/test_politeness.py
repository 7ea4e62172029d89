"""Calls with a credential in their turns: what the other side says of the credential holds for all that use it."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.workflow.world import DOMAIN, KEY, PATIENCE, World
from txtproof.core.model import Key, Record, State, Step
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    CodeIssued,
    PublishAnswer,
    Rejected,
    Resume,
    RouteAnswer,
    Routed,
    Unreachable,
)
from txtproof.core.reasons import Reason
from txtproof.politeness import NEXUS, Politeness, credential_of
from txtproof.ports import Turn, Verdict
from txtproof.testing.publisher import MemoryPublishing
from txtproof.testing.turns import MemoryRate, MemoryTurns

REFUSED = Blocked(Reason.UPSTREAM_AUTH, "401")
KEYS = [Key(1, number) for number in range(1, 41)]


class Heard(MemoryTurns):
    """Turns that remember what was said as each was given back."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock.now)
        self.verdicts: list[tuple[Verdict, timedelta]] = []

    async def give_back(self, turn: Turn, verdict: Verdict, pause: timedelta = timedelta(0)) -> None:
        self.verdicts.append((verdict, pause))
        await super().give_back(turn, verdict, pause)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (CodeIssued("code"), Verdict.TAKEN),
        (Rejected(Reason.UNKNOWN_DOMAIN), Verdict.TAKEN),
        (REFUSED, Verdict.REFUSED),
        (Blocked(Reason.PUBLISHER_AUTH), Verdict.REFUSED),
        (Blocked(Reason.UPSTREAM_FORBIDDEN), Verdict.TAKEN),
        (Unreachable(Reason.UPSTREAM_UNREACHABLE, "503"), Verdict.UNKNOWN),
        (Unreachable(Reason.UPSTREAM_UNREACHABLE, "429", timedelta(seconds=7)), Verdict.LATER),
        (Ambiguous(Reason.UPSTREAM_AMBIGUOUS), Verdict.UNKNOWN),
    ],
)
async def test_each_answer_says_something_of_the_credential(answer: object, verdict: Verdict) -> None:
    turns = Heard(World())

    async def call() -> object:
        return answer

    assert await Politeness(turns, Step.REQUEST_CODE).call(NEXUS, None, call) == answer
    assert turns.verdicts == [(verdict, timedelta(seconds=7 if verdict is Verdict.LATER else 0))]


async def test_a_call_that_is_cut_off_gives_its_turn_back() -> None:
    turns = Heard(World())
    cut = asyncio.create_task(Politeness(turns, Step.REQUEST_CODE).call(NEXUS, None, asyncio.Event().wait))
    await asyncio.sleep(0)
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    assert turns.verdicts == [(Verdict.UNKNOWN, timedelta(0))]


async def test_a_refused_credential_is_not_called_with_again_for_every_domain() -> None:
    world = World()
    for key in KEYS:
        await world.request(key)
        world.upstream.script(key, REFUSED, REFUSED)
    await replace(world.workflow(), in_flight=1).drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    assert len(world.upstream.calls) == 1
    for key in KEYS:
        v = await world.verification(key)
        assert (v.state, v.reason) == (State.BLOCKED, Reason.UPSTREAM_AUTH)
    assert world.turns.told == [(NEXUS, Verdict.REFUSED)]


async def test_when_a_person_has_acted_the_credential_is_tried_at_once() -> None:
    world = World()
    await world.request()
    world.upstream.script(KEY, REFUSED)
    await world.run_until(State.BLOCKED)
    await world.take(Resume())
    await world.work()
    assert (await world.verification()).state is State.VERIFIED
    assert world.turns.told == [(NEXUS, Verdict.REFUSED), (NEXUS, Verdict.TAKEN)]


async def test_those_that_are_too_many_wait_in_line_and_nobody_is_called_more_often_than_allowed() -> None:
    world = World()
    world.turns = MemoryTurns(world.clock.now, {NEXUS: MemoryRate(per_second=2, in_flight=4)})
    for key in KEYS:
        await world.request(key)
    await world.work()
    assert len(world.upstream.calls) == 4
    queued = [await world.verification(key) for key in KEYS[4:]]
    assert {v.reason for v in queued} == {Reason.QUEUED}
    assert max(v.failures for v in queued) == 0
    claims = 0
    while await world.pass_on():
        await world.work()
        claims += 1
    assert {(await world.verification(key)).state for key in KEYS} == {State.VERIFIED}
    assert world.clock.elapsed() == pytest.approx(len(KEYS[4:]) / 2, abs=1)
    assert claims <= len(KEYS), "each comes back once, when it is its turn"


class Two(MemoryPublishing):
    """Two publishers: one answers, the other hangs for good."""

    def __init__(self, world: World) -> None:
        super().__init__(world.zones)
        self.hanging = 0

    async def route(self, name: str) -> RouteAnswer:
        return Routed("slow" if name.startswith("slow") else self.name, DOMAIN, name)

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        if record.publisher == "slow":
            self.hanging += 1
            await asyncio.Event().wait()
        return await super().publish(record, ttl, replaces)


async def test_a_publisher_that_hangs_holds_up_no_other_one() -> None:
    world = World()
    publishing = Two(world)
    world.publishing = publishing
    world.turns = MemoryTurns(world.clock.now, {credential_of("slow"): MemoryRate(per_second=1000, in_flight=3)})
    slow, quick = KEYS[:30], KEYS[30:]
    for number, key in enumerate([*slow, *quick]):
        await world.request(key, f"{'slow' if key in slow else 'quick'}-{number}.{DOMAIN}")
    await world.workflow().drain(Step.REQUEST_CODE, world.ring, PATIENCE)
    draining = asyncio.create_task(
        replace(world.workflow(), in_flight=10).drain(Step.PUBLISH_RECORD, world.ring, PATIENCE)
    )
    while any([(await world.verification(key)).state is not State.CHECKING for key in quick]):
        await asyncio.sleep(0)
    assert publishing.hanging == 3
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
