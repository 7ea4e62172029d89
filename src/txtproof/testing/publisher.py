"""Stand-ins of a DNS provider in memory, for tests of whatever calls port `Publisher` or port `Publishing`."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from txtproof.core.model import Record
from txtproof.core.names import is_below
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
from txtproof.ports import Capability
from txtproof.testing.zones import MemoryZones

Failure = Blocked | Unreachable | Ambiguous


@dataclass(frozen=True, slots=True)
class PublisherCall:
    """One call that a publisher was asked for."""

    method: str
    name: str
    value: bytes = field(repr=False)
    replaces: tuple[bytes, ...] = field(default=(), repr=False)


class MemoryPublisher:
    """Write into zones in memory; port `Publisher`, with all of its rules."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ATOMIC_SWAP, Capability.PER_VALUE})

    def __init__(self, zones: MemoryZones) -> None:
        self.zones = zones
        self.calls: list[PublisherCall] = []
        """Every `ensure_txt` and `remove_txt` so far."""
        self._failures: deque[tuple[Failure, bool]] = deque()

    def fail_next(self, answer: Failure, *, apply: bool = False) -> None:
        """Have the next call that nothing was said about yet answer this; with `apply`, it takes effect all the same.

        That is how an `Ambiguous` comes about: the provider did it, and the answer was lost.
        """
        self._failures.append((answer, apply))

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        self.calls.append(PublisherCall("ensure_txt", name, value, tuple(replaces)))
        # a real call lets others run, and can be cancelled, before it takes effect and after
        await asyncio.sleep(0)
        failure, apply = self._failures.popleft() if self._failures else (None, True)
        answer = self._ensured(zone, name, value, ttl, replaces) if apply else Published(changed=False)
        await asyncio.sleep(0)
        return failure or answer

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        self.calls.append(PublisherCall("remove_txt", name, value))
        await asyncio.sleep(0)
        failure, apply = self._failures.popleft() if self._failures else (None, True)
        answer = self._removed(zone, name, value) if apply else Withdrawn()
        await asyncio.sleep(0)
        return failure or answer

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name; None where the zone is not here."""
        await asyncio.sleep(0)
        held = self.zones.read(name)
        if not self._holds(zone, name):
            return None
        return list(held.values) if held else []

    async def aclose(self) -> None:
        """Do nothing: what is in memory stays."""

    def _ensured(self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes]) -> PublishAnswer:
        if not self._holds(zone, name):
            return _no_zone(zone)
        if not value:
            return Blocked(Reason.INVALID_VALUE, "the value is empty")
        held = self.zones.read(name)
        before = held.values if held else ()
        after = tuple(one for one in before if one == value or one not in replaces)
        if value not in after:
            after = (*after, value)
        self.zones.put(name, held.ttl if held else ttl, *after)
        return Published(changed=after != before)

    def _removed(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        if not self._holds(zone, name):
            return _no_zone(zone)
        held = self.zones.read(name)
        if held:
            self.zones.put(name, held.ttl, *(one for one in held.values if one != value))
        return Withdrawn()

    def _holds(self, zone: str, name: str) -> bool:
        return zone in self.zones.origins and is_below(name, zone)


class MemoryPublishing:
    """Route every name in the zones to one publisher; port `Publishing`."""

    def __init__(self, zones: MemoryZones, name: str = "memory") -> None:
        self.publisher = MemoryPublisher(zones)
        self.name = name
        """Records that name another publisher find none: as when it is gone from the configuration."""

    async def route(self, name: str) -> RouteAnswer:
        """Find who writes the name."""
        await asyncio.sleep(0)
        zone = self.publisher.zones.holder(name)
        if zone is None:
            return Blocked(Reason.NO_ROUTE, f"no zone holds {name}"[:200])
        return Routed(self.name, zone, name)

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        """Call the publisher: `ensure_txt`."""
        if record.publisher != self.name:
            return _gone(record)
        return await self.publisher.ensure_txt(record.zone, record.name, record.value.encode(), ttl, replaces)

    async def withdraw(self, record: Record) -> WithdrawAnswer:
        """Call the publisher: `remove_txt`."""
        if record.publisher != self.name:
            return _gone(record)
        return await self.publisher.remove_txt(record.zone, record.name, record.value.encode())


def _no_zone(zone: str) -> Blocked:
    return Blocked(Reason.NO_ZONE, f"{zone} is not held here"[:200])


def _gone(record: Record) -> Blocked:
    return Blocked(Reason.NO_ROUTE, f"the publisher {record.publisher[:60]} is configured no more")
