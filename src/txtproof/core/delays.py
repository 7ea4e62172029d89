"""How long a publisher takes: from what it holds to what all name servers serve, learned from one match after another.

A delay lies between the last miss and the match; half-way is what is learned. A look at a learned instant halves that
again, so that the guesses close in on what the publisher really takes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from txtproof.core.model import State, Verification
from txtproof.core.values import Value

KEPT = 64
"""Delays that are remembered of each publisher, the latest: what it took long ago says little."""
ENOUGH = 8
"""So many delays must be known before they say when to look."""
PARTS = 9
"""In so many parts, each as likely as the other, the learned instants cut a delay; p95 and the longest are two more."""
COARSE = timedelta(minutes=1)
"""A delay that is known less well than this, and than to within half of it, teaches nothing: nobody looked in time."""
MARGIN = timedelta(seconds=0.5)
"""A look comes so long after the learned instant: one that is a little early is for nothing."""
LONGEST_STEP = timedelta(minutes=1)
"""Between learned instants nobody waits longer, unless the curve does: a publisher may have become quicker."""


class Served(Value, frozen=True):
    """A publication was found on all servers."""

    publisher: str
    after: timedelta
    """How long that took: half-way between the last miss and the match."""


class Delays(Value, frozen=True):
    """What is known of one publisher."""

    publications: int
    """How many of the latest ones that is."""
    median: timedelta
    p95: timedelta
    steps: tuple[timedelta, ...] = ()
    """When it is worth looking, counted from the publication; none while too little is known."""

    def pause(self, passed: timedelta, curve: timedelta) -> timedelta:
        """Return how long to wait for the next look, that long after a publication; `curve`: how long without this."""
        ahead = next((step - passed for step in self.steps if step - passed > 2 * MARGIN), None)
        return curve if ahead is None else min(ahead, max(curve, LONGEST_STEP))


def learned(delays: Sequence[timedelta]) -> Delays:
    """Return what delays say; at least one."""
    ordered = sorted(delays)

    def part(of_all: float) -> timedelta:
        return ordered[max(ceil(of_all * len(ordered)), 1) - 1]

    parts = [*(number / PARTS for number in range(1, PARTS)), 0.95, 1] if len(ordered) >= ENOUGH else []
    steps = sorted({part(one) + MARGIN for one in parts})
    return Delays(len(ordered), part(0.5), part(0.95), tuple(steps))


def published(v: Verification) -> datetime | None:
    """Return since when the provider holds the present code's record; None where the history does not say."""
    since = None
    for change in reversed(v.history):
        if change.state in (State.PUBLISHING, State.REQUESTED):
            return since
        if change.state is State.CHECKING:
            since = change.time
    return None


def served(v: Verification, now: datetime) -> Served | None:
    """Return what a match now teaches of the publisher; None where that is nothing."""
    since = published(v)
    if since is None or not v.ledger:
        return None
    missed = v.missed or since
    after = (missed - since + (now - since)) / 2
    if now - missed > max(COARSE, after / 2):
        return None
    return Served(v.ledger[-1].publisher, after)


def learned_pause(v: Verification, known: Delays | None, now: datetime, curve: timedelta) -> timedelta:
    """Return how long to wait after a miss, by what is known of the publisher."""
    since = published(v) if known is not None and known.steps else None
    return curve if known is None or since is None else known.pause(now - since, curve)
