"""One visit of a row: decide, commit the intent, act, decide again, commit the result.

It may be killed after any `await`: what it had committed stands, what it had not is decided anew by whoever claims the
row next.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from txtproof.core.decisions import Decision, Effect
from txtproof.core.machine import decide
from txtproof.core.model import Step
from txtproof.core.observations import Observation, Poisoned, Queued, Woken
from txtproof.core.policy import Policy
from txtproof.core.values import replace
from txtproof.group_commit import GroupCommit
from txtproof.ports import Clock, Commit, Outcome, Row

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a visit works with."""

    commits: GroupCommit
    perform: Callable[[Effect], Awaitable[Observation]]
    clock: Clock
    policy: Policy


class Visit:
    """A visit's thread of decisions: what is committed so far, and what is not yet."""

    def __init__(self, means: Means, row: Row, claimed_at: datetime) -> None:
        self._means = means
        self._row = row
        self._claimed_at = claimed_at
        self._begun = means.clock.elapsed()
        self._decision = Decision(row.verification)
        self._committed = row.verification
        self._commits = 0
        self._in_line = False

    async def run(self) -> Step | None:
        """Bring the row as far as its step goes; return the lane that it is due in at once, if any."""
        for command in self._row.inbox:
            self._see(command)
        poison = self._row.claims > self._means.policy.max_claims
        self._see(Poisoned(self._row.claims) if poison else Woken())
        while (effect := self._decision.effect) is not None:
            if not await self._commit(keep_lease=True):
                return None
            seen = await self._means.perform(effect)
            self._in_line = isinstance(seen, Queued)
            self._see(seen)
        if not await self._commit(keep_lease=False):
            return None
        v = self._decision.verification
        return v.step if v.wake is not None and v.wake <= self._now() else None

    def _now(self) -> datetime:
        """Return the store's time in whole milliseconds: what it was at the claim, and what has passed since."""
        return self._claimed_at + timedelta(milliseconds=(self._means.clock.elapsed() - self._begun) * 1000 // 1)

    def _see(self, seen: Observation) -> None:
        """Decide by what was seen; events wait for the next commit."""
        untold, served = self._decision.events, self._decision.served
        after = decide(self._decision.verification, seen, self._now(), self._means.policy)
        if untold or served:
            after = replace(after, events=(*untold, *after.events), served=after.served or served)
        self._decision = after

    async def _commit(self, *, keep_lease: bool) -> bool:
        """Make it last; return False where the row is somebody else's by now, and nothing may be done any more."""
        v, events, served = self._decision.verification, self._decision.events, self._decision.served
        if keep_lease and not events and (v is self._committed or v == self._committed):
            return True
        self._commits += 1
        heard = len(self._row.inbox) if self._commits == 1 else 0
        in_line = self._in_line and not keep_lease
        change = Commit(self._row, self._commits, v, events, keep_lease, in_line, heard, served)
        outcome = await self._means.commits.commit(change)
        if outcome is Outcome.FENCED:
            log.info("%s: taken over by another worker", v.key)
            return False
        self._committed = v
        self._decision = Decision(v, self._decision.effect)
        return True
