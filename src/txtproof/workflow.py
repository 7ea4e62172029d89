"""The way of every change: claim the due rows of a lane, visit each, and ring the lanes that have work by then.

Nothing here knows Redis, HTTP, DNS or Celery.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import assert_never

from txtproof.core.decisions import Effect, FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.model import Step
from txtproof.core.observations import Observation
from txtproof.core.policy import Policy
from txtproof.core.values import replace
from txtproof.group_commit import GroupCommit
from txtproof.lane import Lane
from txtproof.politeness import NEXUS, Politeness, credential_of
from txtproof.ports import Clock, Lookup, Publishing, Store, Timeouts, Turns, Upstream
from txtproof.visit import Means

GLANCE = 0.1
"""Seconds after which a lane is looked at for new work while visits are under way: its bells ring in vain by then."""

Ring = Callable[[Step], Awaitable[None]]
"""Tells whoever works that a lane has work: a doorbell, which may be lost or doubled."""


def never() -> bool:
    """Go on."""
    return False


async def nothing() -> None:
    """Keep the lane."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """Work on lanes, with whatever stands behind the ports."""

    store: Store
    upstream: Upstream
    publishing: Publishing
    lookup: Lookup
    turns: Turns
    clock: Clock
    policy: Policy = field(default_factory=Policy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    in_flight: int = 1000
    """Visits of one lane at a time, per process."""

    async def drain(
        self,
        step: Step,
        ring: Ring,
        patience: timedelta,
        *,
        stopping: Callable[[], bool] = never,
        let_go: Callable[[], Awaitable[None]] = nothing,
    ) -> bool:
        """Work on a lane until it is empty or no new row may be begun; return whether it was emptied.

        Only one process of a worker may do so at a time: what the worker still holds in the lane was left by one that
        has died, and is taken up at once. A slow visit holds up nobody: others are claimed beside it, up to
        `in_flight`; past the patience `let_go` gives the lane to another process, while the visits that are still
        under way go on here. `ring` is told of every lane that a commit has given work to. No row is begun once
        `stopping` says so. Raises StoreUnavailable when the store does not answer.
        """
        await self.store.recover(step)
        lane = Lane(await self._means(step), self.store, self.turns, step, self.timeouts.visit, self.in_flight)
        ends = self.clock.elapsed() + patience.total_seconds()
        more = True
        try:
            while True:
                left = ends - self.clock.elapsed()
                if more and (stopping() or left <= 0):
                    more = False
                    if not stopping() and not lane.is_quiet:
                        await lane.leave()
                        await let_go()
                emptied = more and lane.has_room and not await lane.claim()
                for due in lane.fall_due():
                    await ring(due)
                if lane.is_quiet and (emptied or not more):
                    return emptied
                await lane.change(min(left, GLANCE) if more else None)
        finally:
            await lane.aclose()

    async def _means(self, step: Step) -> Means:
        policy = self.policy
        if step is Step.CHECK_RECORD:
            policy = replace(policy, delays=await self.store.delays())
        return Means(GroupCommit(self.store), partial(self.perform, step), self.clock, policy)

    async def perform(self, lane: Step, effect: Effect) -> Observation:
        """Act on the world; what it answers is a value, never an exception."""
        if isinstance(effect, Look):
            return await self.lookup.look(effect)
        politely = Politeness(self.turns, lane).call
        match effect:
            case RequestCode(key=key, turn=turn):
                return await politely(NEXUS, turn, partial(self.upstream.generate_code, key))
            case FindRoute(name=name):
                return await self.publishing.route(name)
            case Publish(record=record, ttl=ttl, replaces=replaces, turn=turn):
                replaced = [value.encode() for value in replaces]
                publish = partial(self.publishing.publish, record, ttl, replaced)
                return await politely(credential_of(record.publisher), turn, publish)
            case Withdraw(record=record, turn=turn):
                withdraw = partial(self.publishing.withdraw, record)
                return await politely(credential_of(record.publisher), turn, withdraw)
            case _:
                assert_never(effect)
