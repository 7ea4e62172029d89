"""Whatever a provider answers, and wherever a process dies: what stands there and is ours is in a ledger."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflow.test_killed_anywhere import Killed, Knife
from tests.workflow.world import DOMAIN, KEY, LEASE, SPF, World
from txtproof.core.model import Key, Record, State
from txtproof.core.observations import Ambiguous, Blocked, Cancel, CleanUp, Forget, PublishAnswer, Unreachable
from txtproof.core.orders import Request
from txtproof.core.policy import Policy
from txtproof.core.reasons import Reason
from txtproof.core.removal import is_left_over
from txtproof.ports import Welcome

NEIGHBOUR = Key(42, 8)
"""Another domain id of the same name."""
BOTH = (KEY, NEIGHBOUR)
NAMES = ("memory", "other")
"""What the one publisher is called at times: what it wrote by its other name is known, and nobody removes it."""
UNREACHABLE = Unreachable(Reason.PUBLISHER_UNREACHABLE, "no connection")
ANSWERS = (
    Ambiguous(Reason.PUBLISHER_UNREACHABLE, "no answer"),
    UNREACHABLE,
    Unreachable(Reason.RATE_LIMITED, "429", timedelta(seconds=40)),
    Unreachable(Reason.CONFLICT, "somebody else writes"),
    Blocked(Reason.PUBLISHER_REFUSED, "403"),
    Blocked(Reason.NOT_SERVED, "it is not served"),
)


class Watched:
    """A world whose provider is watched: nothing is written there that is in no ledger."""

    def __init__(self, policy: Policy, lifetime: timedelta) -> None:
        self.world = World(policy)
        self.knife = Knife(at=0)
        self.unannounced: list[Record] = []
        for key in BOTH:
            self.world.upstream.register(key, DOMAIN, lifetime=lifetime)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world.publishing, name)

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        if record.value not in await self.ledgers():
            # a lane outlives what a visit raises
            self.unannounced.append(record)
        return await self.world.publishing.publish(record, ttl, replaces)

    async def ledgers(self) -> set[str]:
        return {line.value async for v in self.world.store.list() for line in v.ledger}

    async def work(self) -> None:
        """Work as a process that may be killed; the next one finds what it had claimed when the lease is over."""
        parts = {
            "publishing": self.knife.around(self),
            **{name: self.knife.around(getattr(self.world, name)) for name in ("store", "upstream", "lookup")},
        }
        try:
            await self.world.work(self.world.workflow(**parts))
        except Killed:
            self.world.clock.advance(LEASE)
        await self.judge()

    async def judge(self) -> None:
        assert set(self.world.ours()) <= await self.ledgers(), "what is ours is known to be"
        assert not self.unannounced, "the intent comes before the effect"
        assert self.world.neighbours_are_untouched()

    async def comes_to_rest(self) -> None:
        """Let it go on with a provider that works, and have what was given up tried again."""
        self.knife.left = 0
        self.world.publishing.publisher._failures.clear()
        self.world.serving = True
        await self.world.run_out()
        for name in NAMES:
            self.world.publishing.name = name
            for key in await self.world.store.left_over():
                assert await self.world.take(CleanUp(), key) is Welcome.ATTACHED
            await self.world.run_out()
        await self.judge()


failures = st.tuples(st.just("fail"), st.sampled_from(ANSWERS), st.booleans())
actions = st.one_of(
    failures,
    failures,
    st.tuples(st.just("work"), st.integers(0, 40)),
    st.tuples(st.just("wait"), st.sampled_from([0, 0, 1, 60, 400, 86_400, 40 * 86_400])),
    st.tuples(st.just("serve"), st.booleans()),
    st.tuples(st.just("name"), st.sampled_from(NAMES)),
    st.tuples(st.just("take"), st.sampled_from([Request(DOMAIN), Request(DOMAIN), Cancel()]), st.sampled_from(BOTH)),
)
policies = st.sampled_from(
    [
        Policy(blocked_retry=timedelta(days=2)),
        Policy(blocked_retry=timedelta(days=2), records="withdraw"),
        Policy(blocked_retry=timedelta(days=2), records="withdraw", withdraw_after=timedelta(days=7)),
    ]
)


@settings(max_examples=300)
@given(policies, st.sampled_from([20, 300, 90_000]), st.lists(actions, min_size=5, max_size=40))
def test_every_value_of_ours_at_the_provider_is_in_a_ledger_whatever_happens(
    policy: Policy, lifetime: int, plot: list[tuple[Any, ...]]
) -> None:
    asyncio.run(live(Watched(policy, timedelta(seconds=lifetime)), plot))


async def live(watched: Watched, plot: list[tuple[Any, ...]]) -> None:
    world = watched.world
    await world.take(Request(DOMAIN))
    world.serving = False
    for action in plot:
        match action:
            case ("fail", answer, apply):
                world.publishing.publisher.fail_next(answer, apply=apply)
            case ("work", at):
                watched.knife.left = at
                await watched.work()
            case ("wait", seconds):
                if not seconds:
                    await world.pass_on()
                world.clock.advance(timedelta(seconds=seconds))
                await watched.work()
            case ("serve", serving):
                world.serving = serving
            case ("name", name):
                world.publishing.name = name
            case ("take", wish, key):
                await world.take(wish, key)
        await watched.judge()
    await watched.comes_to_rest()
    needed = set()
    for v in [v async for v in world.store.list()]:
        assert v.state.terminal
        assert v.step is None
        assert not is_left_over(v)
        assert world.policy.records == "keep" or not v.ledger
        if v.state is State.VERIFIED and v.ledger:
            needed.add(v.ledger[-1].value)
    assert needed <= set(world.ours()), "nobody removes the proof of another"
    assert world.policy.records == "keep" or not world.ours()


async def test_two_verifications_at_one_name_remove_their_own_values_and_no_others() -> None:
    world = World()
    for key in BOTH:
        await world.request(key)
    await world.run_until(State.VERIFIED)
    await world.run_until(State.VERIFIED, NEIGHBOUR)
    ours, theirs = (world.upstream.issued[key][-1].code for key in BOTH)
    assert set(world.ours()) == {ours, theirs}
    assert await world.take(Request(DOMAIN)) is Welcome.CREATED
    world.serving = False
    await world.run_until(State.CHECKING)
    await world.take(Cancel())
    await world.run_out()
    assert world.ours() == [theirs]


@pytest.mark.parametrize("answer", ANSWERS)
async def test_the_second_run_of_a_key_that_could_not_publish_leaves_what_the_first_has_proved(answer: Any) -> None:
    world = World()
    await world.request()
    await world.run_until(State.VERIFIED)
    proof = world.ours()
    world.publishing.publisher.fail_next(answer)
    await world.take(Request(DOMAIN))
    await world.work()
    assert (await world.verification()).generation == 1
    await world.take(Cancel())
    await world.run_out()
    assert world.ours() == proof
    assert [line.value for line in (await world.verification()).ledger] == proof


async def test_what_a_provider_that_is_gone_holds_is_left_over_until_it_is_back_or_forgotten() -> None:
    world = World()
    world.serving = False
    await world.request()
    await world.run_until(State.CHECKING)
    world.publishing.name = "another"
    await world.take(Cancel())
    await world.run_out()
    assert await world.store.left_over() == [KEY]
    assert world.clock.elapsed() > 30 * 86_400
    (value,) = world.ours()
    assert await world.take(CleanUp()) is Welcome.ATTACHED
    await world.run_out()
    assert (await world.store.left_over(), world.ours()) == ([KEY], [value])
    world.publishing.name = "memory"
    await world.take(CleanUp())
    await world.run_out()
    assert (await world.store.left_over(), world.ours()) == ([], [])
    assert world.kinds().count("record-removed") == 1


async def test_what_was_forgotten_is_neither_removed_nor_told() -> None:
    world = World()
    world.serving = False
    await world.request()
    await world.run_until(State.CHECKING)
    world.publishing.name = "another"
    await world.take(Cancel())
    await world.run_out()
    assert await world.take(Forget()) is Welcome.ATTACHED
    calls = len(world.publishing.publisher.calls)
    await world.run_out()
    assert (await world.verification()).ledger == ()
    assert (await world.store.left_over(), len(world.publishing.publisher.calls)) == ([], calls)
    assert "record-removed" not in world.kinds()


async def test_each_value_that_was_written_is_told_as_removed_once() -> None:
    world = World()
    world.serving = False
    await world.request(lifetime=timedelta(hours=1))
    while (await world.verification()).generation < 8:
        await world.work()
        await world.pass_on()
    await world.take(Cancel())
    await world.run_out()
    kinds = world.kinds()
    assert kinds.count("record-published") == kinds.count("record-removed") >= 7
    assert world.zones.read(DOMAIN).values == (SPF,)  # type: ignore[union-attr]  # the SPF stands
    issued = {one.code for one in world.upstream.issued[KEY]}
    told = str([dict(event.data) for event in world.store.outbox])
    assert not [code for code in issued if code in told]
