"""What a fault is: something that is done to the arena, and what must be seen of it beside the judge's rules.

A fault is a function of a stage. Where it has to wait for long (a lease that has to run out, a code that has to
expire) it returns what is to be done afterwards, and others are thrown meanwhile. What it complains of, and whatever
assertion fails in it, is held against it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.faults.account import Request
from tests.faults.arena import Arena, Cohort


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What is left to do, and when: an instant of `time.monotonic`, before which others are thrown."""

    due: float
    act: Callable[[], None]


@dataclass(slots=True)
class Stage:
    """Where one fault is thrown: the arena, and what belongs to this fault."""

    arena: Arena
    fault: str
    complaints: list[str] = field(default_factory=list)

    def cohort(self, count: int, **how: object) -> Cohort:
        """Make domains for this fault."""
        return self.arena.cohort(self.fault, count, **how)  # type: ignore[arg-type]  # handed on as they are

    def expect(self, holds: bool, complaint: str) -> None:
        """Complain where that does not hold, and go on."""
        if not holds:
            self.complaints.append(complaint)

    def trickle(self, requests: Iterable[Request], seconds: float, each: Callable[[], None] | None = None) -> None:
        """Ask for these evenly over that many seconds, and do something every two."""
        waiting = list(requests)
        pause = seconds / max(len(waiting), 1)
        begun = done = time.monotonic()
        while waiting:
            self.arena.request([waiting.pop()])
            if each is not None and time.monotonic() - done >= 2:
                each()
                done = time.monotonic()
            time.sleep(max(0.0, begun + seconds - pause * len(waiting) - time.monotonic()))


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table."""

    name: str
    throw: Callable[[Stage], Afterwards | None]
