"""A store in memory with the rules of the real one: leases, fences, inboxes, an outbox. Not for two processes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from txtproof.core.delays import KEPT, Delays, learned
from txtproof.core.events import Event
from txtproof.core.model import Key, State, Step, Verification
from txtproof.core.observations import Afterwards, Command
from txtproof.core.removal import is_left_over
from txtproof.core.transitions import inherited
from txtproof.ports import Arrival, Claimed, Commit, Outcome, Row, Welcome
from txtproof.testing.clock import ManualClock


@dataclass(slots=True)
class _Row:
    verification: Verification
    born: str
    fence: int
    claims: int = 0
    held: bool = False
    commits: int = 0
    inbox: list[Command] = field(default_factory=list)


class MemoryStore:
    """Ports `Store` and `Register`; the time is the clock's."""

    def __init__(self, clock: ManualClock, lease: timedelta = timedelta(seconds=60)) -> None:
        self._clock = clock
        self._lease = lease
        self._rows: dict[Key, _Row] = {}
        self._lanes: dict[Step, dict[Key, datetime]] = {step: {} for step in Step}
        self._held: dict[tuple[str, Step], dict[Key, int]] = {}
        self._worker = ""
        self._delays: dict[str, list[timedelta]] = {}
        self.outbox: list[Event] = []
        """Every event, in order."""
        self.acknowledged: list[tuple[str, str, str]] = []
        """Stream, group and entry id of every message that was acknowledged."""

    def as_worker(self, name: str) -> Self:
        """Return the same store as another worker has it."""
        other = copy(self)
        other._worker = name  # noqa: SLF001  # its own copy
        return other

    async def now(self) -> datetime:
        """Return the clock's time."""
        return self._clock.now()

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Welcome]:
        """Create, attach or refuse each."""
        return [self._accept(arrival) for arrival in arrivals]

    def _accept(self, arrival: Arrival) -> Welcome:
        row = self._rows.get(arrival.key)
        ended = row is not None and row.verification.state.terminal
        if isinstance(arrival.command, Afterwards):
            return self._afterwards(arrival, row)
        if row is not None and not ended and not (arrival.newborn and row.born == arrival.newborn[0].id):
            if row.inbox[-1:] != [arrival.command]:
                row.inbox.append(arrival.command)
            if not row.held and row.verification.step is not None:
                self._lanes[row.verification.step][arrival.key] = self._clock.now()
            return self._acknowledged(arrival, Welcome.ATTACHED)
        if arrival.newborn is None:
            return Welcome.NOT_FOUND if row is None else Welcome.ENDED
        if row is None or row.born != arrival.newborn[0].id:
            self._create(arrival.key, arrival.newborn, row)
        return self._acknowledged(arrival, Welcome.CREATED)

    def _afterwards(self, arrival: Arrival, row: _Row | None) -> Welcome:
        if row is None or not row.verification.state.terminal:
            return Welcome.NOT_FOUND if row is None else Welcome.ACTIVE
        if row.inbox[-1:] != [arrival.command]:
            row.inbox.append(arrival.command)
        if not row.held:
            self._lanes[Step.WITHDRAW_RECORD][arrival.key] = self._clock.now()
        return self._acknowledged(arrival, Welcome.ATTACHED)

    def _create(self, key: Key, newborn: tuple[Verification, tuple[Event, ...]], before: _Row | None) -> None:
        child, events = inherited(*newborn, before.verification) if before else newborn
        self._rows[key] = _Row(child, child.id, before.fence + 1 if before else 1)
        self._place(child, child.wake)
        self.outbox += events

    def _acknowledged(self, arrival: Arrival, welcome: Welcome) -> Welcome:
        if arrival.ack is not None:
            self.acknowledged.append(arrival.ack)
        return welcome

    async def claim(self, step: Step, limit: int) -> Claimed:
        """Lease up to `limit` due rows of a lane."""
        now = self._clock.now()
        lane = self._lanes[step]
        claimed: list[Row] = []
        for key in sorted((key for key, due in lane.items() if due <= now), key=lambda one: lane[one])[:limit]:
            row = self._rows[key]
            if row.claims and claimed:
                continue
            row.fence += 1
            row.claims += 1
            row.held = True
            row.commits = 0
            lane[key] = now + self._lease
            self._holding(step)[key] = row.fence
            claimed.append(Row(row.verification, row.fence, row.claims, tuple(row.inbox)))
            if row.claims > 1:
                break
        return Claimed(now, tuple(claimed))

    async def commit(self, commits: Sequence[Commit]) -> list[Outcome]:
        """Write each change whose fence still holds."""
        return [self._commit(commit) for commit in commits]

    def _commit(self, commit: Commit) -> Outcome:
        row = self._rows.get(commit.verification.key)
        if row is None or row.fence != commit.row.fence:
            return Outcome.FENCED
        if row.commits >= commit.number:
            return Outcome.APPLIED
        if not row.held:
            return Outcome.FENCED
        del row.inbox[: commit.heard]
        key = commit.verification.key
        lease = next((lane[key] for lane in self._lanes.values() if key in lane), None)
        row.verification, row.commits = commit.verification, commit.number
        if commit.keep_lease:
            self._place(commit.verification, lease or commit.verification.wake)
        else:
            row.claims = row.claims - 1 if commit.in_line else 0
            row.held = False
            self._let_go(commit.verification.key)
            if commit.verification.state.terminal and commit.verification.step is None:
                row.inbox.clear()
            self._place(commit.verification, self._clock.now() if row.inbox else commit.verification.wake)
        self.outbox += commit.events
        if commit.served is not None:
            known = self._delays.setdefault(commit.served.publisher, [])
            known.append(commit.served.after)
            del known[:-KEPT]
        return Outcome.COMMITTED

    def _place(self, v: Verification, due: datetime | None) -> None:
        for lane in self._lanes.values():
            lane.pop(v.key, None)
        if v.step is not None and due is not None:
            self._lanes[v.step][v.key] = due

    def _holding(self, step: Step) -> dict[Key, int]:
        return self._held.setdefault((self._worker, step), {})

    def _let_go(self, key: Key) -> None:
        for step in Step:
            self._holding(step).pop(key, None)

    async def recover(self, step: Step, *, blameless: bool = False) -> int:
        """Make due again what this worker holds in a lane."""
        held = dict(self._holding(step))
        self._holding(step).clear()
        found = [row for key, fence in held.items() if (row := self._rows[key]).fence == fence and row.held]
        for row in found:
            row.claims -= blameless
            row.held = not blameless
            self._lanes[step][row.verification.key] = self._clock.now()
        return len(found)

    async def leave(self, rows: Sequence[Row]) -> None:
        """Leave rows to their leases."""
        for row in rows:
            self._let_go(row.verification.key)

    async def due(self) -> frozenset[Step]:
        """Return the lanes that have work now."""
        now = self._clock.now()
        return frozenset(step for step, lane in self._lanes.items() if any(due <= now for due in lane.values()))

    async def delays(self) -> Mapping[str, Delays]:
        """Return what was learned of each publisher."""
        return {publisher: learned(known) for publisher, known in self._delays.items()}

    async def audit(self, parts: int = 1) -> int:  # noqa: ARG002  # all at once, whatever is asked for
        """Put back rows with a step that no lane holds."""
        lost = [row.verification for key, row in self._rows.items() if self._is_lost(key, row)]
        for v in lost:
            self._place(v, self._clock.now())
        return len(lost)

    def _is_lost(self, key: Key, row: _Row) -> bool:
        return row.verification.step is not None and key not in self._lanes[row.verification.step]

    def next_due(self) -> datetime | None:
        """Return when the next row is due: how far a test has to let time pass."""
        return min((due for lane in self._lanes.values() for due in lane.values()), default=None)

    async def find(self, key: Key) -> Verification | None:
        """Return the latest verification of a key."""
        row = self._rows.get(key)
        return row.verification if row else None

    async def parked(self) -> Sequence[Key]:
        """Return the rows that were set aside."""
        return [key for key, row in self._rows.items() if row.verification.parked]

    async def left_over(self) -> Sequence[Key]:
        """Return the ended rows with values that are to go and that nobody removes."""
        return [key for key, row in self._rows.items() if self._is_left_over(key, row)]

    def _is_left_over(self, key: Key, row: _Row) -> bool:
        return is_left_over(row.verification) and key not in self._lanes[Step.WITHDRAW_RECORD]

    async def list(self, state: State | None = None) -> AsyncIterator[Verification]:
        """Go through all verifications."""
        for row in tuple(self._rows.values()):
            if state in (None, row.verification.state):
                yield row.verification

    async def events(self, *, follow: bool) -> AsyncIterator[bytes]:  # noqa: ARG002  # there is nobody to wait for
        """Go through the ids of the events."""
        for event in tuple(self.outbox):
            yield event.id.encode()
