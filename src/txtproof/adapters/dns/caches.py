"""What is remembered between looks: bounded in number and, by the records' own TTL, in time."""

import time
from collections import OrderedDict
from typing import Generic, TypeVar

from txtproof.core.values import Value

K = TypeVar("K")
V = TypeVar("V")

MOST = 10_000
LEAST_TTL, MOST_TTL = 5, 3600
"""Seconds that an answer is remembered, whatever its TTL says."""
FAILED_TTL = 1
"""Seconds that a failure is remembered: no longer than the first pause after one, but for all looks of one moment."""


class _Entry(Value, Generic[V], frozen=True):
    value: V
    until: float


class ExpiringCache(Generic[K, V]):
    """Remember values for a time; past the bound, the one that was used longest ago is forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Return what is remembered and not too old."""
        entry = self._entries.get(key)
        if entry is None or entry.until <= time.monotonic():
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def left(self, key: K) -> float:
        """Return for how many seconds more what is remembered counts; 0 where nothing is."""
        entry = self._entries.get(key)
        return max(0.0, entry.until - time.monotonic()) if entry is not None else 0.0

    def put(self, key: K, value: V, seconds: float) -> None:
        """Remember a value for that long."""
        self._entries[key] = _Entry(value, time.monotonic() + seconds)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget what is remembered under a key, if anything is."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)


def bounded(ttl: int) -> int:
    """Return for how many seconds an answer with this TTL is remembered."""
    return min(max(ttl, LEAST_TTL), MOST_TTL)
