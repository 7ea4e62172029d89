"""Where a name stands, before anything is written: the zone that it lies in, and whether it is an alias.

One question to one authoritative server tells both: for the SOA at the name. Its answer is an alias, a referral to a
zone below, or names the zone (RFC 1034, 4.3.2; RFC 2308, 2). Resolvers are asked where the zone above it is, as for a
look, and never for the name. Mostly the zone is known and the answer plain, which takes a packet and no dnspython.
"""

import asyncio
from datetime import timedelta
from functools import partial

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.asking import Asker
from txtproof.adapters.dns.exchange import Exchange, Reply
from txtproof.adapters.dns.home import is_below
from txtproof.adapters.dns.near import random_label
from txtproof.adapters.dns.question import SOA_IN, question_for
from txtproof.adapters.dns.rounds import Rounds
from txtproof.adapters.dns.short_path import Plain
from txtproof.adapters.dns.stagger import first_good
from txtproof.adapters.dns.trail import Place
from txtproof.adapters.dns.walk import MOST_SERVERS, Nowhere, Server, Walk, Zone
from txtproof.core.names import canonical
from txtproof.core.observations import Unreachable, Unseen
from txtproof.core.reasons import Reason
from txtproof.core.values import replace
from txtproof.ports import Standing

MOST_REFERRALS = 8
WITHIN = timedelta(seconds=3)
"""For one name: what is written after that, and looked at, needs time too."""
_TELLING = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})
_FAILURES = {dns.rcode.REFUSED: Reason.REFUSED, dns.rcode.SERVFAIL: Reason.SERVFAIL}


class AuthoritativeDelegations:
    """Port `Delegations`; zones and addresses are remembered by the walk."""

    def __init__(
        self,
        walk: Walk,
        exchange: Exchange,
        asker: Asker,
        rounds: Rounds,
        port: int,
        within: timedelta = WITHIN,
    ) -> None:
        self._walk = walk
        self._exchange = exchange
        self._asker = asker
        self._rounds = rounds
        self._port = port
        self._within = within.total_seconds()

    async def standing(self, name: str, zone: str | None) -> Standing | Unreachable:
        """Find where a name stands; see the port.

        What is not as hoped is asked again over TCP: nobody off the path shall be able to block or to mislead.
        """
        owner, near = dns.name.from_text(name), _near(name, zone)
        try:
            async with asyncio.timeout(self._within):
                found = await self._glanced(name, near) or await self._found(owner, near, tcp=False)
                if _is_hoped_for(found, zone):
                    return found
                if isinstance(found, Unreachable) or found.target is None:
                    # whatever was remembered of the zone, it did not help
                    self._walk.forget(near)
                return await self._found(owner, near, tcp=True)
        except TimeoutError:
            return Unreachable(Reason.TIMEOUT, f"the name servers of {name} did not answer in time"[:200])

    async def _glanced(self, name: str, near: dns.name.Name) -> Standing | None:
        """Ask one server of a zone that is known; None where a plain answer does not say that the name lies in it."""
        zone = self._walk.known(reading.plain(near))
        asked = question_for(name, SOA_IN)
        if zone is None or asked is None or not is_below(canonical(name), zone.text):
            return None
        server = self._rounds.awake(zone.servers)[0]
        said = await self._asker.begin(server, asked).said
        # both have no dot at the end, so that they are as much longer in octets as they are in letters
        if isinstance(said, Plain) and said.apex == len(canonical(name)) - len(zone.text):
            return Standing(zone.text, _names(zone))
        return None

    async def _found(self, name: dns.name.Name, near: dns.name.Name, *, tcp: bool) -> Standing | Unreachable:
        zone: Zone | Unseen = self._walk.known(reading.plain(near)) or await self._walk.zone_of(near)
        for _ in range(MOST_REFERRALS):
            if isinstance(zone, Unseen):
                failure = Unreachable(zone.reason, zone.detail)
                return Standing("", (), unseen=failure) if isinstance(zone, Nowhere) else failure
            place = Place(zone, name)
            message = await self._said(place, tcp=tcp)
            if isinstance(message, Unreachable):
                return Standing(zone.text, _names(zone), unseen=message)
            below = await self._walk.referred(message, name, zone)
            if below is None:
                return await self._told(place, message, tcp=tcp)
            if isinstance(below, Unseen):
                return _sent_on(place, message, below)
            zone = below
        return Unreachable(Reason.LAME, f"more than {MOST_REFERRALS} delegations lead to {reading.plain(name)}"[:200])

    async def _told(self, place: Place, message: dns.message.Message, *, tcp: bool) -> Standing:
        standing = Standing(reading.plain(_origin(message, place)), _names(place.zone))
        target = reading.alias(message, place.name)
        if target is None:
            return standing
        wildcard = await self._is_wild(place, target, tcp=tcp)
        return replace(standing, target=reading.plain(target), wildcard=wildcard)

    async def _is_wild(self, place: Place, target: dns.name.Name, *, tcp: bool) -> bool:
        """Say whether a name beside it, for which nobody has made a record, leads to the same place."""
        try:
            sibling = dns.name.from_text(random_label(), place.name.parent())
        except dns.name.NameTooLong:
            return False
        message = await self._said(Place(place.zone, sibling), tcp=tcp)
        return not isinstance(message, Unreachable) and reading.alias(message, sibling) == target

    async def _said(self, place: Place, *, tcp: bool) -> dns.message.Message | Unreachable:
        """Ask server after server of the zone until one has something to say."""
        calls = [partial(self._ask, one, place.name, tcp=tcp) for one in place.zone.servers]
        found, others = await first_good(calls, lambda asked: _is_telling(asked[1], place))
        if found is not None and found[1].message is not None:
            return found[1].message
        failed = [(server, _failure(reply)) for server, reply in others]
        words = "; ".join(f"{server.name} ({server.address}): {reason.value}" for server, reason in failed[:3])
        return Unreachable(failed[0][1], words[:200])

    async def _ask(self, server: Server, name: dns.name.Name, *, tcp: bool) -> tuple[Server, Reply]:
        return server, await self._exchange.ask(name, dns.rdatatype.SOA, server.address, self._port, tcp=tcp)


def _near(name: str, zone: str | None) -> dns.name.Name:
    """Return the name whose zone a resolver is asked for: what is hoped for, else what is above the name.

    A name right below a top-level domain is a zone of its own, or is not there at all: no memory of a resolver's can
    hide a record in it.
    """
    if zone:
        return dns.name.from_text(zone)
    owner = dns.name.from_text(name)
    return owner.parent() if len(owner) > 3 else owner


def _is_hoped_for(found: Standing | Unreachable, zone: str | None) -> bool:
    if isinstance(found, Unreachable) or found.unseen is not None or found.target is not None:
        return False
    return not zone or found.zone == zone


def _is_telling(reply: Reply, place: Place) -> bool:
    message = reply.message
    if message is None:
        return False
    if reading.referral(message, place.name, place.zone.origin) is not None:
        return True
    if message.rcode() not in _TELLING or not reading.is_authoritative(message):
        return False
    # who speaks for a zone above does not hold the one that it was given
    return _origin(message, place).is_subdomain(place.zone.origin)


def _origin(message: dns.message.Message, place: Place) -> dns.name.Name:
    """Return the zone that an answer speaks for: who holds a zone and one below it refers nobody to itself."""
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.SOA and rrset.name == place.name:
            return place.name
    return reading.apex(message, place.name) or place.zone.origin


def _sent_on(place: Place, message: dns.message.Message, unseen: Unseen) -> Standing | Unreachable:
    """Return what a referral says to a zone none of whose servers can be asked."""
    rrset = reading.referral(message, place.name, place.zone.origin)
    failure = Unreachable(unseen.reason, unseen.detail)
    if rrset is None:
        return failure
    names = tuple(map(reading.plain, reading.targets(rrset)[:MOST_SERVERS]))
    return Standing(reading.plain(rrset.name), names, unseen=failure)


def _failure(reply: Reply) -> Reason:
    if reply.message is None:
        return reply.failure or Reason.TIMEOUT
    return _FAILURES.get(reply.message.rcode(), Reason.LAME)


def _names(zone: Zone) -> tuple[str, ...]:
    return tuple(dict.fromkeys(server.name for server in zone.servers))
