"""When to act again: curves and bounds. The jitter comes from the row itself: the same row always waits alike."""

from datetime import datetime, timedelta
from zlib import crc32

CURVE = tuple(timedelta(seconds=s) for s in (2, 4, 7, 12, 20, 32, 50, 60))
"""Pauses between the first looks; then each is `GROWTH` times the one before (docs/decisions/0013)."""
GROWTH = 1.05
LONGEST_PAUSE = timedelta(minutes=15)

FEW = 16
SPREAD = timedelta(milliseconds=10)
"""By which each of many that arrive together lengthens the time in which they begin."""

FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=5)


def pause_after(looks: int) -> timedelta:
    """Return how long to wait after the given number of misses (1 = the first)."""
    place = max(looks, 1) - 1
    if place < len(CURVE):
        return CURVE[place]
    # 1.05 ** 100 x 60 s is over the limit already: a large exponent must not overflow
    growth = GROWTH ** min(place - len(CURVE) + 1, 100)
    return min(CURVE[-1] * growth, LONGEST_PAUSE)


def backoff(failures: int) -> timedelta:
    """Return how long to wait after that many calls in a row that reached nobody: 1, 2, 4 ... 300 s."""
    return min(FIRST_BACKOFF * (1 << min(max(failures, 1) - 1, 20)), LONGEST_BACKOFF)


def jittered(pause: timedelta, *seed: object) -> timedelta:
    """Return the pause, 10 % longer or shorter at the most, always alike for the same seed."""
    return pause * (0.9 + 0.2 * _part(seed))


def spread(arrivals: int, *seed: object) -> timedelta:
    """Return how long one of so many that arrive together waits before it begins: not at all, where they are few.

    A bulk of them would otherwise come back together at every pause of theirs.
    """
    return timedelta(0) if arrivals <= FEW else SPREAD * arrivals * _part(seed)


def _part(seed: tuple[object, ...]) -> float:
    return crc32(":".join(map(str, seed)).encode()) / 0xFFFFFFFF


def no_later_than(wanted: datetime, *bounds: datetime | None) -> datetime:
    """Return the wanted instant, or the earliest bound where that comes first."""
    return min([wanted, *(bound for bound in bounds if bound is not None)])


def next_on_grid(start: datetime, interval: timedelta, now: datetime) -> datetime:
    """Return the first of start + 1, 2, 3 ... intervals that lies after now."""
    return start + interval * (max((now - start) // interval, 0) + 1)
