"""How long a publisher takes: from what it holds to what all name servers serve, learned from one match after another.

A delay lies between the last miss and the match; half-way is what is learned, and nothing where no look missed. A look
at a learned instant halves that again, so that the guesses close in on what the publisher really takes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from txtproof.core.model import State, Verification
from txtproof.core.values import Value, replace

KEPT = 64
"""Delays that are remembered of each publisher, the latest: what it took long ago says little."""
ENOUGH = 8
"""So many that the first look missed must be known before they say when to look: the others say nothing of that."""
PARTS = 9
"""In so many parts, each as likely as the other, the learned instants cut a delay; the p95 is one more."""
COARSE = timedelta(minutes=1)
"""A delay that is known less well than this, and than to within half of it, teaches nothing: nobody looked in time."""
MARGIN = timedelta(seconds=0.5)
"""A look comes so long after the learned instant: one that is a little early is for nothing."""
AT_ONCE = timedelta(seconds=1)
"""What is no further away than this is here."""
LONGEST_STEP = timedelta(minutes=1)
"""Between learned instants nobody waits longer, unless the curve does: a publisher may have become quicker."""


class Served(Value, frozen=True):
    """A publication was found on all servers."""

    publisher: str
    after: timedelta
    """How long that took: half-way between the last miss and the match; nothing where no look missed."""


class Delays(Value, frozen=True):
    """What is known of one publisher."""

    publications: int
    """How many of the latest ones that is."""
    median: timedelta
    p95: timedelta
    steps: tuple[timedelta, ...] = ()
    """When it is worth looking after a miss, counted from the publication; none while too little is known."""
    longest: timedelta = timedelta(0)
    """After the steps the curve goes on; one more look on it comes here."""

    def pause(self, passed: timedelta, curve: timedelta) -> timedelta:
        """Return how long to wait for the next look, that long after a publication; `curve`: how long without this."""
        ahead = next((step - passed for step in self.steps if step - passed > AT_ONCE), None)
        if ahead is not None:
            return min(ahead, max(curve, LONGEST_STEP))
        return min(curve, self.longest - passed) if self.longest - passed > AT_ONCE else curve


def learned(delays: Sequence[timedelta]) -> Delays:
    """Return what delays say; at least one."""
    ordered = sorted(delays)
    known = Delays(len(ordered), _part(ordered, 0.5), _part(ordered, 0.95))
    later = [delay for delay in ordered if delay > AT_ONCE]
    if len(later) < ENOUGH:
        return known
    parts = (*(number / PARTS for number in range(1, PARTS)), 0.95)
    steps = sorted({_part(later, part) + MARGIN for part in parts})
    return replace(known, steps=tuple(steps), longest=later[-1] + MARGIN)


def _part(ordered: Sequence[timedelta], part: float) -> timedelta:
    """Return what that part of them do not exceed."""
    return ordered[max(ceil(part * len(ordered)), 1) - 1]


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
    after = missed - since + (now - missed) / 2
    if now - missed > max(COARSE, after / 2):
        return None
    if v.missed is None:
        # for all that is known it was there at once, and the look came late
        after = timedelta(0)
    return Served(v.ledger[-1].publisher, after)


def learned_pause(v: Verification, known: Delays | None, now: datetime, curve: timedelta) -> timedelta:
    """Return how long to wait after a miss, by what is known of the publisher."""
    since = published(v) if known is not None and known.steps else None
    return curve if known is None or since is None else known.pause(now - since, curve)
