"""The look: one server first, since a miss there is a miss; on a match all of them, at once and over TCP."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.ANY.TXT import TXT

from txtproof.adapters.dns.exchange import Reply, ask
from txtproof.adapters.dns.verdict import MATCH, Answer, judged, outcome
from txtproof.adapters.dns.walk import Server, Walk, Zone
from txtproof.core.decisions import Look
from txtproof.core.names import ancestors
from txtproof.core.observations import Miss, Sight, Unseen
from txtproof.core.reasons import BLIND, Reason

HOPS = 8
"""Referrals and aliases followed in one look."""


@dataclass(frozen=True, slots=True)
class LookOptions:
    """Whom a look may ask."""

    resolvers: tuple[str, ...] = ()
    """`address:port`; none: the system's."""
    authoritative_port: int = 53
    allow_private_servers: bool = False
    call_timeout: timedelta = timedelta(seconds=10)
    """For the whole look."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the record is to be looked for: after referrals and aliases."""

    zone: Zone
    name: str


class AuthoritativeLookup:
    """Port `Lookup`."""

    def __init__(self, options: LookOptions) -> None:
        self._options = options
        self._walk = Walk(options.resolvers, allow_private=options.allow_private_servers)
        self._answered: dict[str, str] = {}

    async def aclose(self) -> None:
        """Nothing is kept open between looks."""

    async def look(self, look: Look) -> Sight:
        """Look once."""
        try:
            async with asyncio.timeout(self._options.call_timeout.total_seconds()):
                return await self._looked(look)
        except TimeoutError:
            self._walk.forget(look.domain)
            return Unseen(Reason.TIMEOUT, f"the name servers of {look.domain} did not answer in time"[:200])
        except dns.exception.DNSException as fault:
            return Unseen(Reason.LAME, f"an answer cannot be read ({type(fault).__name__})")

    async def _looked(self, look: Look) -> Sight:
        zone = await self._walk.zone_of(look.domain)
        place: _Place | Sight = zone if isinstance(zone, Unseen) else _Place(zone, look.name)
        seen: set[str] = {look.name}
        for _ in range(HOPS):
            if not isinstance(place, _Place):
                return place
            message, answers = await self._ask_one(place, look)
            onward = await self._onward(message, place, seen) if message is not None else None
            if onward is None:
                return await self._concluded(place, look, answers)
            place = onward
        return Miss(Reason.CNAME, f"{look.name} leads through more than {HOPS} aliases and delegations"[:200], ())

    async def _ask_one(self, place: _Place, look: Look) -> tuple[dns.message.Message | None, list[Answer]]:
        """Ask server after server until one has something to say; return its message and all answers so far."""
        preferred = self._answered.get(place.zone.origin)
        answers = []
        for server in sorted(place.zone.servers, key=lambda one: one.address != preferred):
            reply = await self._put(server, place.name, dns.rdatatype.TXT)
            answer = self._read(server, reply, place.name)
            answers.append(answer)
            if reply.message is not None and (outcome(answer, look) not in BLIND or _leads_on(reply.message)):
                self._remember(place.zone.origin, server.address)
                return reply.message, [answer]
        return None, answers

    async def _onward(self, message: dns.message.Message, place: _Place, seen: set[str]) -> _Place | Sight | None:
        """Follow an alias or a referral; None where this is the place."""
        target = _alias(message, place.name)
        if target is not None:
            if target in seen:
                return Miss(Reason.CNAME, f"the aliases of {place.name} lead in a circle"[:200], ())
            seen.add(target)
            # the target itself is not asked of a resolver, for the same reason as the record's name
            above = ancestors(target)[1:2] or [target]
            zone = await self._walk.zone_of(above[0])
            return zone if isinstance(zone, Unseen) else _Place(zone, target)
        if message.flags & dns.flags.AA:
            return None
        child = await self._walk.referred(message, place.name)
        if child is None or isinstance(child, Unseen):
            return child
        closer = dns.name.from_text(child.origin).is_subdomain(dns.name.from_text(place.zone.origin))
        return _Place(child, place.name) if closer and child.origin != place.zone.origin else None

    async def _concluded(self, place: _Place, look: Look, answers: list[Answer]) -> Sight:
        if outcome(answers[-1], look) != MATCH:
            return judged(answers, look)
        full = await asyncio.gather(*(self._ask_fully(server, place.name) for server in place.zone.servers))
        return judged(full, look)

    async def _ask_fully(self, server: Server, name: str) -> Answer:
        """Ask one server for the record and for its SOA, over TCP: nobody off the path can forge that."""
        text, soa = await asyncio.gather(
            self._put(server, name, dns.rdatatype.TXT, tcp=True),
            self._put(server, name, dns.rdatatype.SOA, tcp=True),
        )
        return self._read(server, text, name, _serial(soa.message))

    async def _put(self, server: Server, name: str, kind: dns.rdatatype.RdataType, *, tcp: bool = False) -> Reply:
        return await ask(dns.name.from_text(name), kind, server.address, self._options.authoritative_port, tcp=tcp)

    def _read(self, server: Server, reply: Reply, name: str, serial: int | None = None) -> Answer:
        port = self._options.authoritative_port
        shown = (
            server.address
            if port == 53
            else f"[{server.address}]:{port}"
            if ":" in server.address
            else f"{server.address}:{port}"
        )
        message = reply.message
        if message is None:
            return Answer(server.name, shown, reply.took_ms, failure=reply.failure, serial=serial)
        return Answer(
            server=server.name,
            address=shown,
            took_ms=reply.took_ms,
            rcode=dns.rcode.to_text(message.rcode()),
            authoritative=bool(message.flags & dns.flags.AA),
            values=_values(message, name),
            serial=serial if serial is not None else _serial(message),
        )

    def _remember(self, origin: str, address: str) -> None:
        if len(self._answered) > 10_000:
            self._answered.clear()
        self._answered[origin] = address


def _values(message: dns.message.Message, name: str) -> tuple[bytes, ...]:
    """Return the TXT values at the name, or at the end of the aliases that the answer holds (RFC 1034, 3.6.2)."""
    owners = {dns.name.from_text(name)}
    for rrset in message.answer:
        if rrset.rdtype == dns.rdatatype.CNAME and rrset.name in owners:
            owners.add(rrset[0].target)
    return tuple(
        b"".join(rdata.strings)
        for rrset in message.answer
        if rrset.rdtype == dns.rdatatype.TXT and rrset.rdclass == dns.rdataclass.IN and rrset.name in owners
        for rdata in rrset
        if isinstance(rdata, TXT)
    )


def _alias(message: dns.message.Message, name: str) -> str | None:
    """Return the end of the aliases, where the answer has no TXT set for it."""
    targets = {rrset.name: rrset[0].target for rrset in message.answer if rrset.rdtype == dns.rdatatype.CNAME}
    owner = dns.name.from_text(name)
    if owner not in targets or _values(message, name):
        return None
    for _ in range(HOPS):
        owner = targets.get(owner, owner)
    return owner.to_text(omit_final_dot=True).lower()


def _leads_on(message: dns.message.Message) -> bool:
    return message.rcode() == dns.rcode.NOERROR and any(one.rdtype == dns.rdatatype.NS for one in message.authority)


def _serial(message: dns.message.Message | None) -> int | None:
    sections: Sequence[list[dns.rrset.RRset]] = (message.answer, message.authority) if message is not None else ()
    return next(
        (rdata.serial for part in sections for rrset in part for rdata in rrset if isinstance(rdata, SOA)), None
    )
