"""Where to ask: the zone of a name, and the addresses of its name servers.

A resolver is asked for NS, A and AAAA only, and never for the record: an early question for that would plant a
negative answer which hides the record for up to the zone's SOA minimum (RFC 2308, 5).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset

from txtproof.adapters.dns.caches import ExpiringCache
from txtproof.adapters.dns.exchange import ask
from txtproof.core.names import ancestors
from txtproof.core.observations import Unseen
from txtproof.core.reasons import Reason

LEAST_TTL, MOST_TTL = 5, 3600
"""Seconds that a zone's servers are remembered, whatever their TTL says."""
MOST_SERVERS = 13
"""Name servers of one zone whose addresses are looked up."""
MOST_ADDRESSES = 26
SETTING = "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS"


@dataclass(frozen=True, slots=True)
class Server:
    """One address of one name server."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and whom to ask about it; at least one server."""

    origin: str
    servers: tuple[Server, ...]


class Walk:
    """Find zones and their servers, with what earlier walks found."""

    def __init__(self, resolvers: Sequence[str], *, allow_private: bool) -> None:
        self._resolvers = tuple(resolvers)
        self._allow_private = allow_private
        self._zones: ExpiringCache[str, Zone] = ExpiringCache()

    async def zone_of(self, name: str) -> Zone | Unseen:
        """Find the zone that a name lies in: its own NS, or those of the closest name above that has some."""
        known = self._zones.get(name)
        if known is not None:
            return known
        answered = False
        for candidate in ancestors(name):
            message = await self._resolve(candidate, dns.rdatatype.NS)
            answered = answered or message is not None
            found = _records(message, candidate, dns.rdatatype.NS)
            if found is None:
                # no zone cut here; on SERVFAIL the zone above can still tell by a referral
                continue
            zone = await self._with_addresses(candidate, found, message)
            if isinstance(zone, Zone):
                self._zones.put(name, zone, min(max(found.ttl, LEAST_TTL), MOST_TTL))
            return zone
        detail = f"no zone was found for {name}" if answered else "no resolver answers"
        return Unseen(Reason.CANNOT_SEE, detail[:200])

    async def referred(self, message: dns.message.Message, name: str) -> Zone | Unseen | None:
        """Follow a referral (RFC 1034, 4.3.2, step 3b); None where the message is none for this name."""
        owner = dns.name.from_text(name)
        for rrset in message.authority:
            if rrset.rdtype == dns.rdatatype.NS and owner.is_subdomain(rrset.name) and not message.answer:
                return await self._with_addresses(rrset.name.to_text(omit_final_dot=True), rrset, message)
        return None

    def forget(self, name: str) -> None:
        """Walk anew at the next look: what was remembered led nowhere."""
        self._zones.put(name, Zone(name, ()), 0)

    async def _with_addresses(
        self, origin: str, found: dns.rrset.RRset, message: dns.message.Message | None
    ) -> Zone | Unseen:
        names = sorted(rdata.target for rdata in found)[:MOST_SERVERS]
        each = await asyncio.gather(*(self._addresses(name, message) for name in names))
        servers = [
            Server(name.to_text(omit_final_dot=True).lower(), address)
            for name, addresses in zip(names, each, strict=True)
            for address in addresses
        ][:MOST_ADDRESSES]
        allowed = tuple(one for one in servers if self._allow_private or is_public(one.address))
        if allowed:
            return Zone(origin, allowed)
        if servers:
            detail = (
                f"the name servers of {origin} have private addresses only, which are not asked unless {SETTING}=true"
            )
        else:
            detail = f"the name servers of {origin} have no address"
        return Unseen(Reason.CANNOT_SEE, detail[:200])

    async def _addresses(self, name: dns.name.Name, message: dns.message.Message | None) -> list[str]:
        glue = [
            rdata.address
            for rrset in (message.additional if message else ())
            if rrset.name == name and rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)
            for rdata in rrset
        ]
        if glue:
            return glue
        text = name.to_text(omit_final_dot=True)
        kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
        answers = await asyncio.gather(*(self._resolve(text, kind) for kind in kinds))
        return [
            rdata.address
            for answer in answers
            for rrset in (answer.answer if answer else ())
            if rrset.rdtype in kinds
            for rdata in rrset
        ]

    async def _resolve(self, name: str, kind: dns.rdatatype.RdataType) -> dns.message.Message | None:
        """Ask one resolver after the other until one has a definitive answer."""
        last = None
        for resolver in self._resolvers or system_resolvers():
            host, _, port = resolver.rpartition(":")
            reply = await ask(dns.name.from_text(name), kind, host.strip("[]"), int(port), recurse=True)
            last = reply.message or last
            if reply.message is not None and reply.message.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return reply.message
        return last


def is_public(address: str) -> bool:
    """Say whether an address is one that the public internet has."""
    known = ip_address(address)
    return known.is_global and not known.is_multicast


def system_resolvers() -> tuple[str, ...]:
    """Return this machine's resolvers as `address:port`."""
    try:
        found = dns.resolver.get_default_resolver().nameservers
    except dns.exception.DNSException:
        return ()
    return tuple(f"[{one}]:53" if ":" in one else f"{one}:53" for one in found if isinstance(one, str))


def _records(message: dns.message.Message | None, name: str, kind: dns.rdatatype.RdataType) -> dns.rrset.RRset | None:
    if message is None or message.rcode() != dns.rcode.NOERROR:
        return None
    owner = dns.name.from_text(name)
    sections = (message.answer, message.authority)
    return next((one for part in sections for one in part if one.name == owner and one.rdtype == kind), None)
