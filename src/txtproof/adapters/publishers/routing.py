"""From a name to the publisher that writes it: the configured zone with the most labels wins.

Before anything is written DNS is asked what it has there. An alias at the name leads to the name that is written: so
one zone can serve the domains of all customers. And what is written must be what the world is sent to: the zone that
the name lies in, as it is delegated, must be the configured one.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from txtproof.adapters.publishers.apexes import Apexes
from txtproof.core.model import Record
from txtproof.core.names import canonical, fits, is_below, longest_suffix
from txtproof.core.observations import Blocked, PublishAnswer, RouteAnswer, Routed, Unreachable, WithdrawAnswer
from txtproof.core.reasons import Reason
from txtproof.core.values import replace
from txtproof.ports import Apex, Delegations, Publisher, Standing

SHOWN = 10
"""Zones named where there is no route."""
MOST_ALIASES = 8
WITHIN = 4.0
"""Seconds in which a way must be found: a publication and a look come after it, within one visit."""

_PLAIN = re.compile(r"[a-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Registration:
    """A publisher, what it is called, and the zones that it writes."""

    name: str
    zones: tuple[str, ...]
    publisher: Publisher
    checked: bool = True
    """Whether its zones must be those that the world is sent to."""
    apex: Apex | None = None
    """Who knows which name servers the provider has for a zone."""


@dataclass(slots=True)
class _Trail:
    """The names that aliases lead through, and the zone that the first one lies in."""

    names: list[str]
    home: str = ""


class RoutedPublishing:
    """Port `Publishing`. Raises ValueError where two publishers have the same name, or the same zone.

    Without `delegations` nothing is asked: no alias is followed, and no delegation held against a zone.
    """

    def __init__(self, registrations: Sequence[Registration], delegations: Delegations | None = None) -> None:
        self.publishers: dict[str, Publisher] = {}
        """By their names."""
        self._routes: dict[str, str] = {}
        for one in registrations:
            if one.name in self.publishers:
                raise ValueError(f"two publishers are called {one.name[:60]!r}: give each a name of its own")
            self.publishers[one.name] = one.publisher
            for zone in map(canonical, one.zones):
                first = self._routes.setdefault(zone, one.name)
                if first != one.name:
                    raise ValueError(f"{zone[:60]!r} is a zone of {first[:60]!r} and of {one.name[:60]!r}: drop one")
        self._delegations = delegations
        self._checked = frozenset(one.name for one in registrations if one.checked)
        self._apexes = Apexes({one.name: one.apex for one in registrations if one.apex is not None})

    async def aclose(self) -> None:
        """End what is being asked; the publishers are ended by whoever has opened them."""
        await self._apexes.aclose()

    async def route(self, name: str) -> RouteAnswer:
        """Find who writes the name, or where the name leads."""
        trail = _Trail([name])
        unseen: Blocked | Unreachable | None = None
        if self._delegations is not None:
            try:
                async with asyncio.timeout(WITHIN):
                    unseen = await self._followed(trail, self._delegations)
            except TimeoutError:
                unseen = Unreachable(Reason.TIMEOUT, f"the name servers of {name} did not answer in time"[:200])
        way = self._routed(trail.names)
        if isinstance(way, Routed) and trail.home:
            way = replace(way, home=trail.home)
        if isinstance(unseen, Unreachable) and isinstance(way, Routed) and way.publisher not in self._checked:
            # what is written meanwhile can be seen later; an alias that was not seen is found when it is written again
            return way
        return unseen or way

    async def publish(self, record: Record, ttl: int, replaces: Sequence[bytes] = ()) -> PublishAnswer:
        """Call the record's publisher."""
        publisher = self.publishers.get(record.publisher)
        if publisher is None:
            return _gone(record)
        return await publisher.ensure_txt(record.zone, record.name, record.value.encode(), ttl, replaces)

    async def withdraw(self, record: Record) -> WithdrawAnswer:
        """Call the record's publisher."""
        publisher = self.publishers.get(record.publisher)
        if publisher is None:
            return _gone(record)
        return await publisher.remove_txt(record.zone, record.name, record.value.encode())

    async def _followed(self, trail: _Trail, delegations: Delegations) -> Blocked | Unreachable | None:
        """Follow aliases from the name in the trail, and add what they lead to; say what stands in the way, if any."""
        names = trail.names
        while True:
            zone = self._zone(names[-1])
            standing = await delegations.standing(names[-1], zone)
            if isinstance(standing, Unreachable):
                return standing
            if len(names) == 1 and standing.unseen is None:
                trail.home = standing.zone
            # a name that is written takes precedence over what a wildcard says of it
            if standing.target is None or (standing.wildcard and zone is not None):
                return await self._hindrance(names[-1], standing)
            if canonical(standing.target) in map(canonical, names):
                return _astray(names[0], f"leads in a circle, by {standing.target}")
            if len(names) > MOST_ALIASES:
                return _astray(names[0], f"leads through more than {MOST_ALIASES} others")
            names.append(standing.target)

    async def _hindrance(self, name: str, standing: Standing) -> Blocked | Unreachable | None:
        """Say why it would be of no use to write the name in its configured zone, if it would be of none."""
        zone = self._zone(name)
        publisher = self._routes.get(zone or "", "")
        if zone is None:
            # what does not exist is an alias of nothing: only a route could be missing
            return standing.unseen if standing.zone else None
        if publisher not in self._checked:
            return standing.unseen
        if standing.zone != zone:
            below = is_below(standing.zone, zone)
            return _in_a_child(name, zone, standing) if below else standing.unseen or _not_cut(zone, standing)
        held = await self._apexes.name_servers(publisher, zone)
        if held and held.isdisjoint(map(canonical, standing.servers)):
            to, instead = _listed(standing.servers), _listed(sorted(held))
            return Blocked(Reason.NOT_DELEGATED, f"{zone} is delegated to {to}, not to {instead}"[:200])
        return standing.unseen

    def _zone(self, name: str) -> str | None:
        """Return the configured zone that a name lies in; what is no plain name could have its labels counted wrong."""
        plain = _PLAIN.fullmatch(canonical(name)) is not None and fits(name)
        return longest_suffix(name, self._routes) if plain else None

    def _routed(self, trail: Sequence[str]) -> Routed | Blocked:
        """Return the route of the name at the end of a trail of aliases."""
        name, end = trail[0], trail[-1]
        zone = self._zone(end)
        if zone is not None:
            return Routed(self._routes[zone], zone, end)
        zones = ", ".join(sorted(self._routes)[:SHOWN]) or "none"
        more = f" and {len(self._routes) - SHOWN} more" if len(self._routes) > SHOWN else ""
        alias = "" if end == name else f", which {name} is an alias of"
        return Blocked(Reason.NO_ROUTE, f"no configured zone holds {end}{alias}; configured: {zones}{more}"[:200])


def _in_a_child(name: str, zone: str, standing: Standing) -> Blocked:
    where = f"{name} lies in {standing.zone}, which is delegated to {_listed(standing.servers)}"
    return Blocked(Reason.NOT_DELEGATED, f"{where}, and not in {zone}"[:200])


def _not_cut(zone: str, standing: Standing) -> Blocked:
    where = f"{zone} is not delegated: {_listed(standing.servers)} of {standing.zone} know no zone there"
    return Blocked(Reason.NOT_DELEGATED, where[:200])


def _listed(servers: Sequence[str]) -> str:
    return ", ".join(servers[:2]) + (f" and {len(servers) - 2} more" if len(servers) > 2 else "")


def _astray(name: str, where: str) -> Blocked:
    return Blocked(Reason.NAME_IS_CNAME, f"the alias at {name} {where}"[:200])


def _gone(record: Record) -> Blocked:
    return Blocked(Reason.NO_ROUTE, f"the publisher {record.publisher[:60]} is configured no more")
