"""From a name to the publisher that writes it: the configured zone with the most labels wins."""

from collections.abc import Sequence
from dataclasses import dataclass

from txtproof.core.model import Record
from txtproof.core.names import canonical, longest_suffix
from txtproof.core.observations import Blocked, PublishAnswer, RouteAnswer, Routed, WithdrawAnswer
from txtproof.core.reasons import Reason
from txtproof.ports import Publisher

SHOWN = 10
"""Zones named where there is no route."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A publisher, what it is called, and the zones that it writes."""

    name: str
    zones: tuple[str, ...]
    publisher: Publisher


class RoutedPublishing:
    """Port `Publishing`. Raises ValueError where two publishers have the same name, or the same zone."""

    def __init__(self, registrations: Sequence[Registration]) -> None:
        self._publishers: dict[str, Publisher] = {}
        self._routes: dict[str, str] = {}
        for one in registrations:
            if one.name in self._publishers:
                raise ValueError(f"two publishers are called {one.name[:60]!r}: give each a name of its own")
            self._publishers[one.name] = one.publisher
            for zone in map(canonical, one.zones):
                first = self._routes.setdefault(zone, one.name)
                if first != one.name:
                    raise ValueError(f"{zone[:60]!r} is a zone of {first[:60]!r} and of {one.name[:60]!r}: drop one")

    async def route(self, name: str) -> RouteAnswer:
        """Find who writes the name."""
        zone = longest_suffix(name, self._routes)
        if zone is None:
            zones = ", ".join(sorted(self._routes)[:SHOWN]) or "none"
            more = f" and {len(self._routes) - SHOWN} more" if len(self._routes) > SHOWN else ""
            return Blocked(Reason.NO_ROUTE, f"no configured zone holds {name}; configured: {zones}{more}"[:200])
        return Routed(self._routes[zone], zone, name)

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        """Call the record's publisher."""
        publisher = self._publishers.get(record.publisher)
        if publisher is None:
            return _gone(record)
        return await publisher.ensure_txt(record.zone, record.name, record.value.encode(), ttl, replaces)

    async def withdraw(self, record: Record) -> WithdrawAnswer:
        """Call the record's publisher."""
        publisher = self._publishers.get(record.publisher)
        if publisher is None:
            return _gone(record)
        return await publisher.remove_txt(record.zone, record.name, record.value.encode())


def _gone(record: Record) -> Blocked:
    return Blocked(Reason.NO_ROUTE, f"the publisher {record.publisher[:60]} is configured no more")
