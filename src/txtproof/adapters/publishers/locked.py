"""One change at a time where a provider takes whole sets: of two that are written at once, one is lost.

A lock is never trusted alone, since a frozen process does not know that it has lost it: such a publisher also reads
back what it wrote, or has the provider refuse a change to a set that is not as it was read.
"""

from collections.abc import Sequence

from txtproof.core.observations import PublishAnswer, Unreachable, WithdrawAnswer
from txtproof.core.reasons import Reason
from txtproof.ports import Capability, Locks, Publisher


def locked(publisher: Publisher, name: str, locks: Locks) -> Publisher:
    """Have a publisher's changes take turns, where it needs that."""
    needy = publisher.capabilities & {Capability.READ_MODIFY_WRITE, Capability.WHOLE_ZONE}
    return LockedPublisher(publisher, name, locks) if needy else publisher


class LockedPublisher:
    """Port `Publisher`: another one, whose changes to a TXT set (or to a zone, where it writes those) take turns."""

    def __init__(self, publisher: Publisher, name: str, locks: Locks) -> None:
        self._publisher = publisher
        self._name = name
        self._locks = locks
        self._whole_zone = Capability.WHOLE_ZONE in publisher.capabilities

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return those of the publisher."""
        return self._publisher.capabilities

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        async with self._locks.hold(self._place(zone, name)) as held:
            return await self._publisher.ensure_txt(zone, name, value, ttl, replaces) if held else _busy(name)

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        async with self._locks.hold(self._place(zone, name)) as held:
            return await self._publisher.remove_txt(zone, name, value) if held else _busy(name)

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name; see the port."""
        return await self._publisher.read_txt(zone, name)

    async def aclose(self) -> None:
        """End the publisher."""
        await self._publisher.aclose()

    def _place(self, zone: str, name: str) -> str:
        return f"{self._name}:{zone}" if self._whole_zone else f"{self._name}:{zone}:{name}"


def _busy(name: str) -> Unreachable:
    return Unreachable(Reason.CONFLICT, f"somebody else has been writing at {name} all the time"[:200])
