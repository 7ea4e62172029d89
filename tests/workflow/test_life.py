"""Whole lives of verifications, against the public stand-ins, on a clock that jumps."""

from datetime import timedelta
from statistics import mean

import pytest

from tests.workflow.world import DOMAIN, KEY, SPF, World
from txtproof.core.delays import ENOUGH
from txtproof.core.events import TERMINAL_EVENTS
from txtproof.core.model import Key, State
from txtproof.core.observations import (
    AlreadyVerified,
    Ambiguous,
    Blocked,
    Cancel,
    CheckNow,
    Rejected,
    Resume,
    Unreachable,
)
from txtproof.core.orders import Refusal, Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.ports import Welcome


@pytest.fixture
def world() -> World:
    return World()


async def test_a_domain_is_verified_straight_away(world: World) -> None:
    await world.request()
    await world.work()
    v = await world.verification()
    assert (v.state, v.generation, v.step) == (State.VERIFIED, 1, None)
    assert world.kinds() == ["accepted", "code-issued", "record-published", "verified"]
    assert [event.sequence for event in world.store.outbox] == [1, 2, 3, 4]
    assert world.clock.elapsed() == 0
    assert world.ours() == [world.upstream.issued[KEY][-1].code]
    assert world.neighbours_are_untouched()


async def test_a_code_that_expires_is_renewed_and_swapped(world: World) -> None:
    world.serving = False
    await world.request(first_lifetimes=[timedelta(minutes=5)])
    while (await world.verification()).generation < 2:
        await world.work()
        await world.pass_on()
    world.serving = True
    await world.run_until(State.VERIFIED)
    first, second = (issued.code for issued in world.upstream.issued[KEY])
    assert world.ours() == [second]
    swap = next(call for call in world.publishing.publisher.calls if call.value == second.encode())
    assert swap.replaces == (first.encode(),)
    await world.run_out()
    assert world.ours() == [second]
    assert world.neighbours_are_untouched()


async def test_it_expires_at_its_deadline_and_leaves_nothing(world: World) -> None:
    world.serving = False
    await world.request()
    v = await world.run_until(State.EXPIRED)
    assert v.reason is Reason.DEADLINE_PASSED
    assert world.clock.now() == v.deadline
    await world.run_out()
    assert world.ours() == []
    assert world.neighbours_are_untouched()


@pytest.mark.parametrize("state", [State.REQUESTED, State.CHECKING, State.BLOCKED])
async def test_it_is_cancelled_wherever_it_is_and_leaves_nothing(world: World, state: State) -> None:
    world.serving = False
    if state is State.BLOCKED:
        world.zones.origins = ()
    await world.request()
    if state is not State.REQUESTED:
        await world.run_until(state)
    assert await world.take(Cancel()) is Welcome.ATTACHED
    await world.work()
    v = await world.verification()
    assert v.state is State.CANCELLED
    await world.run_out()
    assert world.ours() == []
    assert [kind for kind in world.kinds() if kind in TERMINAL_EVENTS] == ["cancelled"]


async def test_a_refused_credential_blocks_is_tried_by_the_hour_and_on_resume(world: World) -> None:
    await world.request()
    world.upstream.script(KEY, *[Blocked(Reason.UPSTREAM_AUTH, "401")] * 3)
    await world.run_until(State.BLOCKED)
    assert len(world.upstream.calls) == 1
    await world.pass_on()
    await world.work()
    assert (world.clock.elapsed(), len(world.upstream.calls)) == (3600, 2)
    assert await world.take(Resume()) is Welcome.ATTACHED
    await world.work()
    assert len(world.upstream.calls) == 3
    assert (await world.verification()).state is State.BLOCKED
    await world.run_until(State.VERIFIED)
    assert world.kinds()[:5] == ["accepted", "blocked", "resumed", "blocked", "resumed"]


async def test_a_look_on_command_finds_what_was_put_right_and_otherwise_moves_nothing(world: World) -> None:
    world.serving = False
    await world.request()
    while (await world.verification()).looks < 20:
        await world.work()
        await world.pass_on()
    await world.work()
    before = await world.verification()
    assert await world.take(CheckNow()) is Welcome.ATTACHED
    await world.work()
    after = await world.verification()
    assert (after.wake, after.looks, after.asked) == (before.wake, before.looks, world.clock.now())
    world.serving = True
    await world.take(CheckNow())
    await world.work()
    assert (await world.verification()).state is State.CHECKING, "within a minute there is no second one"
    world.clock.advance(timedelta(seconds=60))
    await world.take(CheckNow())
    await world.work()
    assert (await world.verification()).state is State.VERIFIED


async def test_what_a_publisher_took_says_when_the_next_publication_is_looked_at(world: World) -> None:
    async def verified_after(seconds: float, key: Key) -> float:
        world.serving = False
        await world.request(key)
        await world.work()
        published, served = world.clock.elapsed(), world.clock.elapsed() + seconds
        while not world.serving:
            await world.pass_on()
            world.serving = world.clock.elapsed() >= served
            await world.work()
        assert (await world.verification(key)).state is State.VERIFIED
        world.zones.put(DOMAIN, 300, SPF)
        return world.clock.elapsed() - published - seconds

    late = [await verified_after(55, Key(42, number)) for number in range(1, 41)]
    assert mean(late[:ENOUGH]) > 10
    assert mean(late[-ENOUGH:]) < 3
    (known,) = (await world.store.delays()).values()
    assert abs(known.median - timedelta(seconds=55)) < timedelta(seconds=2)


async def test_no_route_blocks_until_there_is_one(world: World) -> None:
    origins, world.zones.origins = world.zones.origins, ()
    await world.request()
    v = await world.run_until(State.BLOCKED)
    assert v.reason is Reason.NO_ROUTE
    world.zones.origins = origins
    await world.run_until(State.VERIFIED)


async def test_what_nexus_calls_verified_is_not_published(world: World) -> None:
    await world.request(verified=True)
    await world.work()
    assert (await world.verification()).reason is Reason.ALREADY_VERIFIED
    assert world.publishing.publisher.calls == []


async def test_a_verified_answer_for_another_domain_fails(world: World) -> None:
    await world.request()
    world.upstream.script(KEY, AlreadyVerified("other.test"))
    await world.work()
    assert (await world.verification()).reason is Reason.DOMAIN_MISMATCH


async def test_what_nexus_rejects_fails_with_its_words(world: World) -> None:
    await world.request()
    world.upstream.script(KEY, Rejected(Reason.UNKNOWN_DOMAIN, "no such domain"))
    await world.work()
    v = await world.verification()
    assert (v.state, v.reason, v.detail) == (State.FAILED, Reason.UNKNOWN_DOMAIN, "no such domain")


async def test_an_unreachable_nexus_is_waited_for_without_end_before_the_deadline(world: World) -> None:
    await world.request()
    world.upstream.script(KEY, *[Unreachable(Reason.UPSTREAM_UNREACHABLE, "503")] * 100)
    await world.run_until(State.VERIFIED)
    assert len(world.upstream.calls) == 101


async def test_an_answer_that_was_lost_is_asked_for_again_after_the_calls_own_timeout(world: World) -> None:
    await world.request()
    world.upstream.script(KEY, Ambiguous(Reason.UPSTREAM_AMBIGUOUS, "no answer"))
    await world.run_until(State.VERIFIED)
    assert world.clock.elapsed() >= 10
    assert len(world.upstream.issued[KEY]) == 2
    assert (await world.verification()).generation == 1
    assert world.ours() == [world.upstream.issued[KEY][-1].code]


async def test_an_update_whose_answer_was_lost_is_looked_at_again(world: World) -> None:
    await world.request()
    world.publishing.publisher.fail_next(Ambiguous(Reason.PUBLISHER_UNREACHABLE, "no answer"), apply=True)
    await world.run_until(State.VERIFIED)
    assert len(world.ours()) == 1


async def test_blindness_is_waited_for_and_counts_nothing(world: World) -> None:
    world.lookup.blind = True
    await world.request()
    for _ in range(30):
        await world.work()
        await world.pass_on()
    v = await world.verification()
    assert (v.state, v.looks, v.reason) == (State.CHECKING, 0, Reason.TIMEOUT)
    world.lookup.blind = False
    await world.run_until(State.VERIFIED)


async def test_a_record_that_somebody_removed_is_written_again(world: World) -> None:
    world.serving = False
    await world.request(lifetime=timedelta(days=30))
    await world.run_until(State.CHECKING)
    await world.work()
    world.zones.put(DOMAIN, 300, *world.zones.read(DOMAIN).values[:1])  # type: ignore[union-attr]  # the SPF stands
    world.serving = True
    await world.run_until(State.VERIFIED)


async def test_a_verified_record_is_withdrawn_where_the_policy_says_so() -> None:
    world = World(Policy(records="withdraw", withdraw_after=timedelta(hours=1)))
    await world.request()
    await world.run_until(State.VERIFIED)
    assert len(world.ours()) == 1
    await world.run_out()
    assert world.clock.elapsed() == 3600
    assert world.ours() == []
    assert world.kinds()[-2:] == ["verified", "record-removed"]


async def test_a_second_request_joins_the_first(world: World) -> None:
    world.serving = False
    await world.request()
    await world.run_until(State.CHECKING)
    assert await world.take(Request(DOMAIN, world.clock.now() + timedelta(days=20))) is Welcome.ATTACHED
    await world.work()
    v = await world.verification()
    assert v.deadline == world.clock.now() + timedelta(days=20)
    assert world.kinds().count("accepted") == 2
    assert len(world.upstream.calls) == 1


async def test_a_request_after_the_end_is_a_new_run_that_swaps_the_old_value(world: World) -> None:
    await world.request()
    await world.run_until(State.VERIFIED)
    old = await world.verification()
    assert await world.take(Request(DOMAIN)) is Welcome.CREATED
    await world.run_until(State.VERIFIED)
    new = await world.verification()
    assert new.id != old.id
    assert new.sequence == 2 * old.sequence
    assert world.ours() == [world.upstream.issued[KEY][-1].code]
    await world.run_out()
    assert world.ours() == [world.upstream.issued[KEY][-1].code]


async def test_commands_that_need_an_active_verification_say_what_they_found(world: World) -> None:
    assert await world.take(Cancel()) is Welcome.NOT_FOUND
    await world.request(verified=True)
    await world.work()
    assert await world.take(Cancel()) is Welcome.ENDED
    assert await world.take(Resume()) is Welcome.ENDED


async def test_a_deadline_that_has_passed_is_refused_and_changes_nothing(world: World) -> None:
    refused = await world.take(Request(DOMAIN, world.clock.now()))
    assert isinstance(refused, Refusal)
    assert refused.reason == "bad_deadline"
    assert await world.store.find(KEY) is None


async def test_many_domains_live_beside_each_other(world: World) -> None:
    keys = [Key(1, number) for number in range(1, 151)]
    for key in keys:
        await world.request(key)
    await world.work()
    assert {(await world.verification(key)).state for key in keys} == {State.VERIFIED}
    assert world.upstream.overlaps == 0
