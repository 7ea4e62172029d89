"""The way of every change: claim a row, decide, commit the intent, act, decide again, commit the result.

Nothing here knows Redis, HTTP, DNS or Celery. A visit may be killed after any `await`: what it had committed stands,
what it had not is decided anew by whoever claims the row when the lease has run out.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from txtproof.core.decisions import Decision, Effect, FindRoute, Look, Publish, RequestCode, Withdraw
from txtproof.core.machine import decide
from txtproof.core.model import Step
from txtproof.core.observations import Observation, Poisoned, Woken
from txtproof.core.policy import Policy
from txtproof.ports import (
    Clock,
    Commit,
    Lookup,
    Outcome,
    Publishing,
    Row,
    Store,
    StoreUnavailable,
    Timeouts,
    Upstream,
)

log = logging.getLogger(__name__)

Ring = Callable[[Step], Awaitable[None]]
"""Tells whoever works that a lane has work: a doorbell, which may be lost or doubled."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """Work on lanes, with whatever stands behind the ports."""

    store: Store
    upstream: Upstream
    publishing: Publishing
    lookup: Lookup
    clock: Clock
    new_id: Callable[[], str]
    policy: Policy = field(default_factory=Policy)
    timeouts: Timeouts = field(default_factory=Timeouts)
    in_flight: int = 100
    """Visits of one lane at a time, per process."""

    async def drain(self, step: Step, ring: Ring, patience: timedelta) -> bool:
        """Work on a lane until it is empty or no new row may be begun; return whether it was emptied.

        A slow visit holds up nobody: others are claimed beside it, up to `in_flight`. `ring` is told of every lane
        that a commit has given work to. Raises StoreUnavailable when the store does not answer.
        """
        begun = self.clock.elapsed()
        visits: set[asyncio.Task[Step | None]] = set()
        emptied = False
        try:
            while True:
                room = self.in_flight - len(visits)
                if room and self.clock.elapsed() - begun < patience.total_seconds():
                    claimed = await self.store.claim(step, room)
                    visits |= {asyncio.create_task(self._guarded(row, claimed.now)) for row in claimed.rows}
                    emptied = not claimed.rows
                if not visits:
                    return emptied
                done, visits = await asyncio.wait(visits, return_when=asyncio.FIRST_COMPLETED)
                for due in sorted({due for visit in done if (due := visit.result()) not in (None, step)}):
                    await ring(due)
        finally:
            for visit in visits:
                visit.cancel()
            await asyncio.gather(*visits, return_exceptions=True)

    async def _guarded(self, row: Row, claimed_at: datetime) -> Step | None:
        """Visit a row within the time for it; a fault of ours costs this row a lease, and its neighbours nothing."""
        try:
            async with asyncio.timeout(self.timeouts.visit.total_seconds()):
                return await self._visit(row, claimed_at)
        except StoreUnavailable:
            raise
        except TimeoutError:
            log.warning("%s: the visit took too long and is left to the next claim", row.verification.key)
        except Exception as fault:  # noqa: BLE001  # whatever it was, the other rows must go on
            # the text of an exception may quote what must not be in a log
            log.error("%s: %s in a visit, %s", row.verification.key, type(fault).__name__, _place(fault))  # noqa: TRY400
        return None

    async def _visit(self, row: Row, claimed_at: datetime) -> Step | None:
        """Bring a row as far as its step goes; return the lane that it is due in at once, if any."""
        visit = _Visit(self, row, claimed_at, self.clock.elapsed())
        for command in row.inbox:
            visit.see(command)
        visit.see(Woken() if row.claims <= self.policy.max_claims else Poisoned(row.claims))
        while visit.decision.effect is not None:
            if not await visit.commit(keep_lease=True):
                return None
            visit.see(await self._perform(visit.decision.effect))
        if not await visit.commit(keep_lease=False):
            return None
        v = visit.decision.verification
        return v.step if v.wake is not None and v.wake <= visit.now() else None

    async def _perform(self, effect: Effect) -> Observation:
        match effect:
            case RequestCode(key=key):
                return await self.upstream.generate_code(key)
            case FindRoute(name=name):
                return await self.publishing.route(name)
            case Publish(record=record, ttl=ttl, replaces=replaces):
                return await self.publishing.publish(record, ttl, [value.encode() for value in replaces])
            case Withdraw(record=record):
                return await self.publishing.withdraw(record)
            case Look():
                return await self.lookup.look(effect)
            case _:
                assert_never(effect)


class _Visit:
    """One visit's thread of decisions: what is committed so far, and what is not yet."""

    def __init__(self, workflow: Workflow, row: Row, claimed_at: datetime, begun: float) -> None:
        self.decision = Decision(row.verification)
        self._workflow = workflow
        self._row = row
        self._claimed_at = claimed_at
        self._begun = begun
        self._committed = row.verification
        self._id = workflow.new_id()
        self._commits = 0

    def now(self) -> datetime:
        """Return the store's time: what it was at the claim, and what has passed since."""
        return self._claimed_at + timedelta(seconds=self._workflow.clock.elapsed() - self._begun)

    def see(self, seen: Observation) -> None:
        """Decide by what was seen; events wait for the next commit."""
        untold = self.decision.events
        decision = decide(self.decision.verification, seen, self.now(), self._workflow.policy)
        self.decision = replace(decision, events=(*untold, *decision.events))

    async def commit(self, *, keep_lease: bool) -> bool:
        """Make it last; return False where the row is somebody else's by now, and nothing may be done any more."""
        changed = self.decision.verification != self._committed or self.decision.events
        if keep_lease and not changed:
            return True
        self._commits += 1
        change = Commit(
            row=self._row,
            commit_id=f"{self._id}.{self._commits}",
            verification=self.decision.verification,
            events=self.decision.events,
            keep_lease=keep_lease,
        )
        (outcome,) = await self._workflow.store.commit([change])
        if outcome is Outcome.FENCED:
            log.info("%s: taken over by another worker", self._row.verification.key)
            return False
        self._committed = self.decision.verification
        self.decision = replace(self.decision, events=())
        return True


def _place(fault: BaseException) -> str:
    trace = fault.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
