"""Publishers in memory, with the same promise as the real ones."""

from collections import deque
from collections.abc import Sequence

from txtproof.core.model import Record
from txtproof.core.names import longest_suffix
from txtproof.core.observations import (
    Ambiguous,
    Blocked,
    PublishAnswer,
    Published,
    RouteAnswer,
    Routed,
    Unreachable,
    WithdrawAnswer,
    Withdrawn,
)
from txtproof.core.reasons import Reason
from txtproof.testing.zones import MemoryZones

Failure = Blocked | Unreachable | Ambiguous


class MemoryPublisher:
    """Port `Publisher` on zones in memory."""

    def __init__(self, zones: MemoryZones) -> None:
        self._zones = zones
        self._failures: deque[tuple[Failure, bool]] = deque()
        self.swaps: list[tuple[bytes, tuple[bytes, ...]]] = []
        """Every value that was added, with those that went in the same call."""

    def fail_next(self, answer: Failure, *, applied: bool = False) -> None:
        """Answer the next call so; `applied`: after doing what it asked for, as when only the answer is lost."""
        self._failures.append((answer, applied))

    async def ensure_txt(
        self,
        zone: str,  # noqa: ARG002  # names are enough here
        name: str,
        value: bytes,
        ttl: int,
        replaces: Sequence[bytes] = (),
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`."""
        failure, applied = self._failures.popleft() if self._failures else (None, True)
        before = self._zones.values(name)
        stale = tuple(one for one in before if one in replaces and one != value)
        changed = value not in before or bool(stale)
        if applied and changed:
            kept = tuple(one for one in before if one not in stale and one != value)
            known = self._zones.ttl(name)
            self._zones.put(name, ttl if known is None else known, *kept, value)
            self.swaps.append((value, stale))
        return failure or Published(changed=changed)

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:  # noqa: ARG002  # as above
        """Have exactly this value no more at the name."""
        failure, applied = self._failures.popleft() if self._failures else (None, True)
        if applied:
            kept = tuple(one for one in self._zones.values(name) if one != value)
            self._zones.put(name, self._zones.ttl(name) or 0, *kept)
        return failure or Withdrawn()

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:  # noqa: ARG002  # as above
        """Return the values at the name."""
        return self._zones.values(name)


class MemoryPublishing:
    """Port `Publishing`: one publisher in memory that writes the zones `served`."""

    def __init__(self, zones: MemoryZones, served: Sequence[str], publisher: str = "memory") -> None:
        self.served = list(served)
        """May be changed, as a configuration is."""
        self.writer = MemoryPublisher(zones)
        self._name = publisher

    async def route(self, name: str) -> RouteAnswer:
        """Find who writes the name."""
        zone = longest_suffix(name, self.served)
        return Routed(self._name, zone, name) if zone else Blocked(Reason.NO_ROUTE, f"nobody writes {name}")

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        """Write the record."""
        return await self.writer.ensure_txt(record.zone, record.name, record.value.encode(), ttl, replaces)

    async def withdraw(self, record: Record) -> WithdrawAnswer:
        """Remove the record."""
        return await self.writer.remove_txt(record.zone, record.name, record.value.encode())
