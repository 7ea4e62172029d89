"""The way of every change: claim the due rows of a lane, visit each, and ring the lanes that have work by then.

Nothing here knows Redis, HTTP, DNS or Celery.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from txtproof.core.decisions import Effect, FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.model import Step
from txtproof.core.observations import Observation
from txtproof.core.policy import Policy
from txtproof.group_commit import GroupCommit
from txtproof.politeness import NEXUS, Politeness, credential_of
from txtproof.ports import Clock, Lookup, Publishing, Row, Store, StoreUnavailable, Timeouts, Turns, Upstream
from txtproof.visit import Means, Visit

log = logging.getLogger(__name__)

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
    in_flight: int = 500
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
        lane = _Lane(self, step)
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

    async def perform(self, lane: Step, effect: Effect) -> Observation:
        """Act on the world; what it answers is a value, never an exception."""
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
            case Look():
                return await self.lookup.look(effect)
            case _:
                assert_never(effect)


class _Lane:
    """A lane that is being worked on: the visits in flight, and what has come of those that are over."""

    def __init__(self, workflow: Workflow, step: Step) -> None:
        self._workflow = workflow
        self._step = step
        self._commits = GroupCommit(workflow.store)
        self._means = Means(self._commits.commit, partial(workflow.perform, step), workflow.clock, workflow.policy)
        self._visits: dict[asyncio.Task[Step | None], tuple[float, Row]] = {}
        """Each with when it was begun."""
        self._late: set[asyncio.Task[Step | None]] = set()
        self._due: set[Step] = set()
        self._fault: BaseException | None = None
        self._changed = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Say whether it is worth claiming: for many at a time, since each claim is a round trip."""
        return len(self._visits) <= self._workflow.in_flight // 2

    @property
    def is_quiet(self) -> bool:
        return not self._visits

    async def claim(self) -> int:
        """Begin to visit what is due, as far as there is room; return how many rows that were."""
        claimed = await self._workflow.store.claim(self._step, self._workflow.in_flight - len(self._visits))
        begun = asyncio.get_running_loop().time()
        for row in claimed.rows:
            visit = asyncio.create_task(self._guarded(row, claimed.now))
            self._visits[visit] = begun, row
            visit.add_done_callback(self._over)
        return len(claimed.rows)

    def fall_due(self) -> list[Step]:
        """Return the other lanes that visits have given work to since the last time."""
        due = sorted(self._due - {self._step})
        self._due.clear()
        return due

    async def leave(self) -> None:
        """Leave the rows in flight to their leases: nobody is to take them for those of a dead process."""
        await self._workflow.store.leave([row for _, row in self._visits.values()])
        await self._workflow.turns.leave(self._step)

    async def change(self, within: float | None) -> None:
        """Wait until a visit is over, or for so many seconds. Raises what a visit raised."""
        if self._fault is None and self._visits:
            self._changed.clear()
            # one timer for all: a timer a visit costs a tenth of a look
            loop, late = asyncio.get_running_loop(), self._time_left()
            watch = loop.call_later(late if within is None else min(late, within), self._cut_off)
            await self._changed.wait()
            watch.cancel()
        if self._fault is not None:
            raise self._fault

    async def aclose(self) -> None:
        """End what is still under way, and hand its rows back: it is nobody's fault that there was no more time."""
        unfinished = list(self._visits)
        for visit in unfinished:
            visit.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        await self._commits.aclose()
        if unfinished and self._fault is None:
            await self._workflow.store.recover(self._step, blameless=True)

    def _time_left(self) -> float:
        """Return in how many seconds the oldest visit will have taken too long."""
        oldest, _ = next(iter(self._visits.values()))
        return oldest + self._workflow.timeouts.visit.total_seconds() - asyncio.get_running_loop().time()

    def _cut_off(self) -> None:
        """End the visits that have taken too long."""
        since = asyncio.get_running_loop().time() - self._workflow.timeouts.visit.total_seconds()
        for visit in [visit for visit, (begun, _) in self._visits.items() if begun <= since]:
            self._late.add(visit)
            visit.cancel()
        self._changed.set()

    def _over(self, visit: "asyncio.Task[Step | None]") -> None:
        del self._visits[visit]
        self._late.discard(visit)
        if not visit.cancelled():
            self._fault = self._fault or visit.exception()
            if not visit.exception() and (due := visit.result()) is not None:
                self._due.add(due)
        self._changed.set()

    async def _guarded(self, row: Row, claimed_at: datetime) -> Step | None:
        """Visit a row within the time for it; a fault of ours costs this row a lease, and its neighbours nothing."""
        key = row.verification.key
        try:
            return await Visit(self._means, row, claimed_at).run()
        except StoreUnavailable:
            raise
        except asyncio.CancelledError:
            if asyncio.current_task() not in self._late:
                raise
            log.warning("%s: the visit took too long and is left to its lease", key)
        except Exception as fault:  # noqa: BLE001  # whatever it was, the other rows must go on
            # the text of an exception may quote what must not be in a log
            log.error("%s: %s in a visit, %s", key, type(fault).__name__, _place(fault))  # noqa: TRY400
        await self._workflow.store.leave([row])
        return None


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
