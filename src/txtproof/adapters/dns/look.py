"""The look: one server first, since a miss there is a miss; on a match all of them, at once and over TCP.

Most looks are a glance: the zone is known, one question is put, and a plain answer lacks the code. That costs no task
and no timer of its own; everything else goes the long way, which takes over the question that is under way.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import dns.name

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import Asker, Heard
from txtproof.adapters.dns.caches import MOST_TTL, ExpiringCache
from txtproof.adapters.dns.delegation import AuthoritativeDelegations
from txtproof.adapters.dns.exchange import Exchange
from txtproof.adapters.dns.home import home, is_below, with_zone
from txtproof.adapters.dns.near import Near
from txtproof.adapters.dns.question import question_for
from txtproof.adapters.dns.resolvers import Resolvers
from txtproof.adapters.dns.rounds import Rounds
from txtproof.adapters.dns.short_path import Plain
from txtproof.adapters.dns.stagger import first_good
from txtproof.adapters.dns.trail import Alias, End, Glance, Place, Trail
from txtproof.adapters.dns.verdict import circling, judged, outcome
from txtproof.adapters.dns.views import Views
from txtproof.adapters.dns.walk import Server, Walk, Zone
from txtproof.adapters.dns.ways import Ways
from txtproof.core.decisions import Look
from txtproof.core.evidence import MATCH
from txtproof.core.observations import Match, Miss, Sight, Unseen
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
    views: tuple[str, ...] = ()
    """Recursive resolvers that must see a match too, as `ways.way` reads them."""
    views_needed: int = 0
    """How many of them must; 0: all."""


class AuthoritativeLookup:
    """Port `Lookup`."""

    def __init__(self, options: LookOptions) -> None:
        self._options = options
        exchange = Exchange()
        self._asker = Asker(exchange, options.authoritative_port)
        self._near = Near(self._asker)
        self._rounds = Rounds(self._asker)
        self._ways = Ways()
        self._views = Views(list(map(self._ways.to, options.views)), options.views_needed) if options.views else None
        self._walk = Walk(Resolvers(exchange, options.resolvers), allow_private=options.allow_private_servers)
        self._answered: ExpiringCache[str, str] = ExpiringCache()
        self._within = options.call_timeout.total_seconds()
        self.delegations = AuthoritativeDelegations(
            self._walk, exchange, self._asker, self._rounds, options.authoritative_port
        )
        """What else the same walk is good for."""

    async def aclose(self) -> None:
        """Close the sockets."""
        self._asker.close()
        await self._ways.aclose()

    async def look(self, look: Look) -> Sight:
        """Look once, within the call timeout."""
        begun = time.monotonic()
        asked = question_for(look.name) if is_below(look.name, look.domain) else None
        zone = (self._walk.known(home(look)) or await self._walk.glanced(home(look))) if asked is not None else None
        if asked is None or zone is None:
            return await self._looked(Trail(look), begun + self._within)
        glance = self._glance(look, zone, asked)
        if not look.thorough:
            said = await glance.begun.said
            missed = self._missed(glance, said, look) if isinstance(said, Plain) else None
            if missed is not None:
                return missed
        return await self._looked(Trail(look, glance, zone), begun + self._within)

    def _glance(self, look: Look, zone: Zone, asked: bytes) -> Glance:
        """Put the first question to one server of the domain's zone."""
        usual = self._answered.get(zone.text)
        server = self._first(zone, look, usual)
        return Glance(zone, server, self._asker.begin(server, asked), server.address == usual)

    def _missed(self, glance: Glance, said: Plain, look: Look) -> Sight | None:
        """Judge a plain answer; None where that takes more than one."""
        answer = self._asker.answered(glance.server, glance.begun.at, said)
        sight = judged([answer], look, look.name)
        if not isinstance(sight, Miss):
            return None
        if not glance.usual:
            self._prefer(glance.zone, glance.server)
        return with_zone(sight, look, glance.zone)

    async def _looked(self, trail: Trail, until: float) -> Sight:
        look = trail.look
        try:
            async with asyncio.timeout(until - time.monotonic()):
                sight = await self._followed(trail)
                if isinstance(sight, Match) and self._views is not None:
                    sight = await self._views.confirmed(sight, look)
        except TimeoutError:
            sight = Unseen(Reason.TIMEOUT, f"the name servers of {look.domain} did not answer in time"[:200])
        if isinstance(sight, Unseen):
            for name in {look.domain, home(look)}:
                self._walk.forget(dns.name.from_text(name))
        return with_zone(sight, look, trail.home)

    async def _followed(self, trail: Trail) -> Sight:
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
            trail.passed.append(Alias(end.place, target))
            trail.said.append(end.last.answer)
            if trail.visited(target):
                return circling(trail.look, trail.said)
            if len(trail.passed) > MOST_ALIASES:
                return circling(trail.look, trail.said, MOST_ALIASES)
            name = target

    async def _descended(self, name: dns.name.Name, trail: Trail) -> End | Unseen:
        """Find the zone of a name, and follow referrals to the zones below it."""
        glance, trail.glance = trail.glance, None
        zone = glance.zone if glance is not None else await self._first_zone(name, trail)
        for _ in range(MOST_REFERRALS):
            if isinstance(zone, Unseen):
                return zone
            place = Place(zone, name)
            heard = await self._hear(place, trail, glance)
            glance = None
            message = heard[-1].message
            below = await self._walk.referred(message, name, zone) if message is not None else None
            if below is None:
                return End(place, heard)
            zone, trail.referred = below, True
        return Unseen(Reason.LAME, f"more than {MOST_REFERRALS} delegations lead to {reading.plain(name)}"[:200])

    async def _first_zone(self, name: dns.name.Name, trail: Trail) -> Zone | Unseen:
        """Find the zone of the domain, or of what is above an alias's target: no resolver is asked for the record."""
        domain, origin = dns.name.from_text(trail.look.domain), dns.name.from_text(home(trail.look))
        if not name.is_subdomain(domain):
            return await self._walk.zone_of(name.parent() if len(name) > 2 else name)
        hint = origin if origin != domain and domain.is_subdomain(origin) else None
        zone = await self._walk.zone_of(domain, hint)
        if isinstance(zone, Zone):
            trail.home = zone
        return zone

    async def _hear(self, place: Place, trail: Trail, glance: Glance | None) -> tuple[Heard, ...]:
        """Ask server after server until one has something to say: it comes last."""
        heard = self._asker.heard(glance.server, glance.begun) if glance is not None else None
        if heard is not None and _is_telling(heard, place, trail.look):
            self._prefer(place.zone, heard.server)
            return (heard,)
        servers = self._ordered(place.zone, trail.look)
        calls = [partial(self._asker.ask, server, place.name, tcp=trail.over_tcp) for server in servers]
        if glance is not None:
            # it went to the first of them
            calls[0] = partial(self._asker.finish, glance.server, glance.begun, place.name)
        found, others = await first_good(
            calls,
            lambda heard: _is_telling(heard, place, trail.look),
            late=glance is not None and not glance.begun.said.done(),
        )
        self._rounds.note(others)
        if found is None:
            return tuple(others)
        self._prefer(place.zone, found.server)
        return (*others, found)

    def _first(self, zone: Zone, look: Look, preferred: str | None) -> Server:
        """Return the first of the servers in their order."""
        if preferred is not None and not look.first:
            for server in zone.servers:
                if server.address == preferred and self._rounds.is_awake(server):
                    return server
        return self._ordered(zone, look)[0]

    def _ordered(self, zone: Zone, look: Look) -> Sequence[Server]:
        """Return a zone's servers: first the one that lacked the value, or that answered last; the silent ones last."""
        preferred, awake = self._answered.get(zone.text), self._rounds.awake(zone.servers)
        behind = [one for one in awake if self._asker.shown(one) == look.first]
        return sorted(zone.servers, key=lambda one: (one not in awake, one not in behind, one.address != preferred))

    def _prefer(self, zone: Zone, server: Server) -> None:
        if self._answered.get(zone.text) != server.address:
            self._answered.put(zone.text, server.address, MOST_TTL)

    async def _concluded(self, end: End, trail: Trail) -> Sight:
        look = trail.look
        if outcome(end.last.answer, look) != MATCH:
            sight = judged([one.answer for one in end.heard], look, reading.plain(end.place.name))
            return await self._searched(sight, end, trail) if look.thorough and isinstance(sight, Miss) else sight
        if trail.referred and not trail.over_tcp:
            # the round asks whom a datagram has named: that, too, must be said where no forger can say it
            return await self._followed(Trail(look, over_tcp=True))
        return await self._rounds.concluded(end, trail.passed, look)

    async def _searched(self, miss: Miss, end: End, trail: Trail) -> Miss:
        """Look for the value where the record's name is, and not where an alias leads."""
        zone = trail.passed[0].place.zone if trail.passed else end.place.zone
        return await self._near.refined(miss, trail.look, zone, self._ordered(zone, trail.look)[0])


def _is_telling(heard: Heard, place: Place, look: Look) -> bool:
    if outcome(heard.answer, look) not in BLIND:
        return True
    return heard.message is not None and reading.referral(heard.message, place.name, place.zone.origin) is not None
