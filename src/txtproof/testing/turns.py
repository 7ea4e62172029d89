"""Turns in memory, for tests of whatever calls port `Turns`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from txtproof.core.model import Step
from txtproof.core.observations import Queued
from txtproof.ports import Closed, Turn, Verdict

TRY_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MemoryRate:
    """What may be called with a credential."""

    per_second: float = 50.0
    in_flight: int = 8


@dataclass(slots=True)
class _Line:
    front: datetime | None = None
    """Up to when its turns are given away."""
    closed: datetime | None = None
    opens: datetime | None = None
    calls: dict[str, datetime] = field(default_factory=dict)
    """Each with when it was begun."""
    lasts: timedelta = timedelta(0)
    """How long calls take, the latest counting most."""
    room: datetime | None = None
    """Up to when the calls in flight, as far as is foreseen, are given away."""
    late: datetime | None = None
    """The same for those whose place has come in vain."""


class MemoryTurns:
    """Port `Turns`; the time is the clock's. Turns are waited for, so that one which is never given back stays out."""

    def __init__(
        self,
        now: Callable[[], datetime],
        rates: Mapping[str, MemoryRate] | None = None,
        foreseen: timedelta = timedelta(minutes=1),
    ) -> None:
        """`foreseen`: for how long what the latest calls took is thought to hold."""
        self._now = now
        self._foreseen = foreseen
        self._rates = rates or {}
        self._lines: dict[str, _Line] = {}
        self._given = 0
        self.told: list[tuple[str, Verdict]] = []
        """Credentials that were refused, or taken again, in order."""

    async def take(
        self,
        credential: str,
        lane: Step,  # noqa: ARG002  # here no process dies
        place: datetime | None = None,
    ) -> Turn | Queued | Closed:
        """Ask to call now."""
        line, now = self._lines.setdefault(credential, _Line()), self._now()
        rate = self._rates.get(credential, MemoryRate(1_000_000, 1_000_000))
        trying = line.closed is not None
        if line.closed is not None:
            if line.closed > now:
                return Closed(line.closed)
            line.closed = now + TRY_EVERY
        step, ends_every = timedelta(seconds=1 / rate.per_second), line.lasts / rate.in_flight
        opens = max(line.opens or now, now)
        front, room = max(line.front or now, opens), max(line.room or now, opens)
        at_once = ends_every * (rate.in_flight - 1)
        is_far = room - at_once >= opens + self._foreseen
        paid = place is not None and place <= now
        early = max(front - step * (rate.in_flight - 1), room - at_once)
        if opens > now:
            early = max(front, room)
        elif paid or early <= now:
            if len(line.calls) < rate.in_flight:
                if not paid:
                    line.front, line.room = front + step, min(room + ends_every, opens + self._foreseen + at_once)
                return self._begun(credential, line, trying=trying)
            over = max(line.late or now, now) + max(ends_every, step)
            if paid and over <= now + max(line.lasts, step):
                line.late = over
                return Queued(over)
            front = max(front, now + step)
            early = max(front, room)
        line.front, line.room = front + step, min(room + ends_every, opens + self._foreseen + at_once)
        return Queued(front + self._foreseen if is_far else early)

    def _begun(self, credential: str, line: _Line, *, trying: bool) -> Turn:
        self._given += 1
        line.calls[str(self._given)] = self._now()
        return Turn(credential, str(self._given), self._now(), trying)

    async def give_back(self, turn: Turn, verdict: Verdict, pause: timedelta = timedelta(0)) -> None:
        """Say that the call is over."""
        line, now = self._lines[turn.credential], self._now()
        begun = line.calls.pop(turn.id, None)
        if begun is not None:
            line.lasts += (now - begun - line.lasts) / 16
        if verdict is Verdict.REFUSED:
            if line.closed is None:
                self.told.append((turn.credential, verdict))
            line.closed = now + TRY_EVERY
        elif verdict is Verdict.TAKEN and line.closed is not None:
            line.closed = None
            self.told.append((turn.credential, verdict))
        elif verdict is Verdict.LATER:
            line.opens = max(line.opens or now, now + pause)

    async def leave(self, lane: Step) -> None:
        """Leave the calls of a lane alone, as ever here."""

    async def reopen(self) -> None:
        """Let a credential that was refused be tried at once."""
        for line in self._lines.values():
            if line.closed is not None:
                line.closed = self._now()
