"""The lane of the looks, seen from outside: how many rows are due, leased or done, in what order of lateness.

A row's score is when it is due, in ms of the server's clock; a lease is a due time one lease ahead, and whoever has
been looked at has a due time that the schedule gave it (docs/architecture.md). All this is counted in the index of the
sorted set, in O(log N), so that the counting is no part of the load.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import redis

from txtproof.adapters.redis_keys import Keys
from txtproof.core.model import Key, Step
from txtproof.ports import Timeouts

LANE = f"txtproof:lane:{Step.CHECK_RECORD}"
LEASE = round(Timeouts().lease.total_seconds() * 1000)
YOUNG = 20_000
"""Milliseconds: no visit of a benchmark takes longer, and no row of it waits between LEASE - YOUNG and LEASE."""
SLICE = 5_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The lane at one instant."""

    now: int
    """Milliseconds since 1970, by the server's clock."""
    left: int
    """Rows that have been due since before the mark and are in nobody's hands."""
    leased: int
    oldest: int
    """Due time of the row that has waited longest, or now."""

    def done(self, count: int) -> int:
        """Return how many of `count` rows that were due at the mark have been looked at since."""
        return count - self.left - self.leased


class Lane:
    """Look at the lane through a connection of its own."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()

    def now(self) -> int:
        """Return the server's time in ms."""
        seconds, micros = self._time()
        return seconds * 1000 + micros // 1000

    def count(self) -> int:
        """Return how many rows the lane has."""
        return int(_number(self._redis.zcard(LANE)))

    def due(self) -> int:
        """Return how many rows are due now."""
        return int(_number(self._redis.zcount(LANE, "-inf", self.now())))

    def sample(self, mark: int) -> Sample:
        """Count what was due at the mark (ms) and is still untouched, and what is leased now."""
        now = self.now()
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zcount(LANE, "-inf", mark)
            pipe.zcount(LANE, now + LEASE - YOUNG, now + LEASE + 1000)
            pipe.zrange(LANE, 0, 0, withscores=True)
            left, leased, first = pipe.execute()
        oldest = min(round(first[0][1]), now) if first else now
        return Sample(now, left, leased, oldest)

    def set_due(self, times: Mapping[int, int]) -> None:
        """Set when rows are due: number of the row -> ms."""
        pairs = iter(times.items())
        while part := dict(islice(pairs, SLICE)):
            scores: dict[Any, float] = {f"42/{number}": at for number, at in part.items()}
            self._redis.zadd(LANE, scores, xx=True)

    def rows(self, count: int) -> list[bytes]:
        """Return rows 1 to `count`, as they are stored."""
        found: Any = self._redis.mget([_row(number) for number in range(1, count + 1)])
        return list(found)

    def renew(self, rows: Sequence[bytes]) -> int:
        """Put all that was looked at back as it was, and due now; what is leased stays. Return the mark (ms)."""
        now = self.now()
        looked_at: Any = self._redis.zrange(LANE, now + LEASE + 1000, "+inf", byscore=True)
        numbers = [int(member.rpartition(b"/")[2]) for member in looked_at]
        self._redis.mset({_row(number): rows[number - 1] for number in numbers})
        self.set_due(dict.fromkeys(numbers, now))
        return now

    def scores(self) -> Iterator[tuple[int, int]]:
        """Go through all rows: number and due time in ms. The workers must not run."""
        for start in range(0, self.count(), SLICE):
            found: Any = self._redis.zrange(LANE, start, start + SLICE - 1, withscores=True)
            for member, score in found:
                yield int(member.rpartition(b"/")[2]), round(score)

    def _time(self) -> tuple[int, int]:
        answer: Any = self._redis.time()
        return int(answer[0]), int(answer[1])


def wait_for_start(lane: Lane, mark: int, count: int, seconds: float) -> None:
    """Wait until the first rows have been looked at. Raises RuntimeError."""
    if lane.count() < count:
        raise RuntimeError(f"of {count} rows {lane.count()} are in the lane")
    deadline = time.monotonic() + seconds
    while lane.sample(mark).done(count) <= 0:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no row was looked at within {seconds:.0f} s")
        time.sleep(0.02)


def _row(number: int) -> str:
    return Keys().row(Key(42, number))


def _number(answer: Any) -> float:
    return float(answer)
