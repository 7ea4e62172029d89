"""The look: one server first, since a miss there is a miss; on a match all of them, at once and over TCP."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import dns.name

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import Asker, Heard
from txtproof.adapters.dns.caches import MOST_TTL, ExpiringCache
from txtproof.adapters.dns.exchange import Exchange
from txtproof.adapters.dns.resolvers import Resolvers
from txtproof.adapters.dns.stagger import first_good
from txtproof.adapters.dns.verdict import MATCH, Answer, circling, judged, outcome, together
from txtproof.adapters.dns.walk import Walk, Zone
from txtproof.core.decisions import Look
from txtproof.core.observations import Sight, Unseen
from txtproof.core.reasons import BLIND, Reason

MOST_ALIASES = 8
MOST_REFERRALS = 8
"""Followed in one look; referrals anew after each alias."""


@dataclass(frozen=True, slots=True)
class LookOptions:
    """Whom a look may ask."""

    resolvers: tuple[str, ...] = ()
    """`address:port`, IPv6 in brackets; none: the system's."""
    authoritative_port: int = 53
    allow_private_servers: bool = False
    """Ask name servers at loopback, link-local and private addresses as well."""
    call_timeout: timedelta = timedelta(seconds=10)
    """For the whole look."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A name, and the zone whose servers are asked for it."""

    zone: Zone
    name: dns.name.Name


@dataclass(frozen=True, slots=True)
class _Alias:
    """A place that leads on to another name."""

    place: _Place
    target: dns.name.Name


@dataclass(frozen=True, slots=True)
class _End:
    """The place where the record must stand, and what was heard there: failures, and last what tells, if anything."""

    place: _Place
    heard: tuple[Heard, ...]

    @property
    def last(self) -> Heard:
        return self.heard[-1]


@dataclass(slots=True)
class _Trail:
    """One look under way."""

    look: Look
    passed: list[_Alias] = field(default_factory=list)
    said: list[Answer] = field(default_factory=list)
    """By the servers that led on."""

    def visited(self, name: dns.name.Name) -> bool:
        return any(name == one.place.name for one in self.passed)


class AuthoritativeLookup:
    """Port `Lookup`."""

    def __init__(self, options: LookOptions) -> None:
        self._options = options
        exchange = Exchange()
        self._asker = Asker(exchange, options.authoritative_port)
        self._walk = Walk(Resolvers(exchange, options.resolvers), allow_private=options.allow_private_servers)
        self._answered: ExpiringCache[dns.name.Name, str] = ExpiringCache()

    async def aclose(self) -> None:
        """Nothing is kept open between looks."""

    async def look(self, look: Look) -> Sight:
        """Look once, within the call timeout."""
        try:
            async with asyncio.timeout(self._options.call_timeout.total_seconds()):
                sight = await self._followed(_Trail(look))
        except TimeoutError:
            sight = Unseen(Reason.TIMEOUT, f"the name servers of {look.domain} did not answer in time"[:200])
        if isinstance(sight, Unseen):
            self._walk.forget(dns.name.from_text(look.domain))
        return sight

    async def _followed(self, trail: _Trail) -> Sight:
        """Follow aliases to where the record must stand, and judge what is there."""
        name = dns.name.from_text(trail.look.name)
        while True:
            end = await self._descended(name, trail)
            if isinstance(end, Unseen):
                return end
            message = end.last.message
            target = reading.alias(message, name) if message is not None else None
            if target is None or outcome(end.last.answer, trail.look) != Reason.CNAME.value:
                return await self._concluded(end, trail)
            trail.passed.append(_Alias(end.place, target))
            trail.said.append(end.last.answer)
            if trail.visited(target):
                return circling(trail.look, trail.said)
            if len(trail.passed) > MOST_ALIASES:
                return circling(trail.look, trail.said, MOST_ALIASES)
            name = target

    async def _descended(self, name: dns.name.Name, trail: _Trail) -> _End | Unseen:
        """Find the zone of a name, and follow referrals to the zones below it."""
        zone = await self._walk.zone_of(_known_part(name, trail.look))
        for _ in range(MOST_REFERRALS):
            if isinstance(zone, Unseen):
                return zone
            place = _Place(zone, name)
            heard = await self._hear(place, trail.look)
            message = heard[-1].message
            below = await self._walk.referred(message, name, zone) if message is not None else None
            if below is None:
                return _End(place, heard)
            zone = below
        return Unseen(Reason.LAME, f"more than {MOST_REFERRALS} delegations lead to {reading.plain(name)}"[:200])

    async def _hear(self, place: _Place, look: Look) -> tuple[Heard, ...]:
        """Ask server after server until one has something to say: it comes last."""
        preferred = self._answered.get(place.zone.origin)
        servers = sorted(place.zone.servers, key=lambda one: one.address != preferred)
        found, others = await first_good(
            [partial(self._asker.ask, server, place.name) for server in servers],
            lambda heard: _is_telling(heard, place, look),
        )
        if found is None:
            return tuple(others)
        self._answered.put(place.zone.origin, found.server.address, MOST_TTL)
        return (*others, found)

    async def _concluded(self, end: _End, trail: _Trail) -> Sight:
        look = trail.look
        if outcome(end.last.answer, look) != MATCH:
            return judged([one.answer for one in end.heard], look, reading.plain(end.place.name))
        # whoever asks a server that lacks an alias on the way does not come to the record
        rounds = [self._round(end.place, look), *(self._round(one.place, look, one.target) for one in trail.passed)]
        return together(await asyncio.gather(*rounds))

    async def _round(self, place: _Place, look: Look, target: dns.name.Name | None = None) -> Sight:
        """Ask all servers of a place; with `target`, for the alias that leads there."""
        answers = await asyncio.gather(*(self._asker.ask_fully(one, place.name, target) for one in place.zone.servers))
        return judged(answers, look, reading.plain(place.name))


def _known_part(name: dns.name.Name, look: Look) -> dns.name.Name:
    """Return the name whose zone a resolver may be asked for: the domain, or what is above an alias's target."""
    domain = dns.name.from_text(look.domain)
    if name.is_subdomain(domain):
        return domain
    return name.parent() if len(name) > 2 else name


def _is_telling(heard: Heard, place: _Place, look: Look) -> bool:
    if outcome(heard.answer, look) not in BLIND:
        return True
    return heard.message is not None and reading.referral(heard.message, place.name, place.zone.origin) is not None
