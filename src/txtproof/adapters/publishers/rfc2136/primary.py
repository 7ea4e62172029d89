"""The primary of a zone where none is configured: the MNAME of its SOA (RFC 2136, 4.3), as resolvers know it.

What DNS says of a primary is not believed by itself. An address outside the public internet is refused unless the
settings allow it, and whoever is found there has to sign its answers with the key (RFC 8945, 5.3); the secret is never
sent. The resolvers are asked over TCP.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from txtproof.adapters.dns_bounds import is_modest
from txtproof.adapters.dns_stream import connected
from txtproof.adapters.public_addresses import is_public
from txtproof.adapters.publishers.trouble import Trouble
from txtproof.adapters.system_resolvers import system_resolvers
from txtproof.core.observations import Blocked, Unreachable
from txtproof.core.reasons import Reason
from txtproof.endpoints import host_and_port

DNS_PORT = 53
PER_RESOLVER = 2.0
"""Seconds that one resolver has for one answer."""
MOST_ADDRESSES = 4
"""Of one primary, that are tried."""
LEAST_TTL, MOST_TTL = 30, 300
"""Seconds that a primary is remembered: one that has moved is found within five minutes."""
_DEFINITIVE = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class _Known:
    servers: tuple[str, ...]
    until: float


class PrimarySearch:
    """Find the primaries of zones; each is remembered for as long as its records live, within bounds."""

    def __init__(self, resolvers: Sequence[str], *, allow_private: bool, port: int = DNS_PORT) -> None:
        self._resolvers = tuple(resolvers)
        self._allow_private = allow_private
        self._port = port
        self._known: dict[str, _Known] = {}

    async def servers(self, zone: str) -> Sequence[str]:
        """Return where the primary of a zone is, as `address:port`. Raises Trouble that says what to write instead."""
        known = self._known.get(zone)
        if known is None or known.until <= time.monotonic():
            known = self._known[zone] = await self._found(zone)
        return known.servers

    async def _found(self, zone: str) -> _Known:
        origin = dns.name.from_text(zone)
        answer = await self._asked(zone, origin, dns.rdatatype.SOA)
        soa = answer.get_rrset(answer.answer, origin, dns.rdataclass.IN, dns.rdatatype.SOA)
        if not soa:
            raise Trouble(_unknown(f"the resolvers know no zone {_shown(origin)}"))
        primary: dns.name.Name = soa[0].mname
        if primary == dns.name.root:
            raise Trouble(_unknown(f"the SOA of {_shown(origin)} names no primary"))
        addresses, ttls = [], [soa.ttl]
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            for address, ttl in _addresses(await self._asked(zone, primary, kind)):
                addresses.append(address)
                ttls.append(ttl)
        if not addresses:
            raise Trouble(_unknown(f"the primary of {_shown(origin)}, {_shown(primary)}, has no address"))
        asked = [one for one in addresses if self._allow_private or is_public(one)][:MOST_ADDRESSES]
        if not asked:
            what = f"the primary of {_shown(origin)}, {_shown(primary)}, is at {addresses[0]}, which is not public"
            raise Trouble(_unknown(what, "or allow_private_primary"))
        servers = tuple(f"[{one}]:{self._port}" if ":" in one else f"{one}:{self._port}" for one in asked)
        return _Known(servers, time.monotonic() + min(max(min(ttls), LEAST_TTL), MOST_TTL))

    async def _asked(self, zone: str, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        """Return the first answer that settles a question."""
        for resolver in self._resolvers or system_resolvers():
            try:
                async with asyncio.timeout(PER_RESOLVER):
                    answer = await _put(resolver, name, kind)
            except (OSError, EOFError, dns.exception.DNSException):
                continue
            if answer is not None and answer.rcode() in _DEFINITIVE:
                return answer
        what = f"no resolver says where the primary of {zone[:60]} is: if that lasts, write `server`"
        raise Trouble(Unreachable(Reason.PUBLISHER_UNREACHABLE, what))


async def _put(resolver: str, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message | None:
    question = dns.message.make_query(name, kind)
    stream = await connected(*host_and_port(resolver))
    try:
        stream.send(question.to_wire())
        came = await stream.receive()
    finally:
        stream.close()
    answer = dns.message.from_wire(came) if is_modest(came) else None
    return answer if answer is not None and question.is_response(answer) else None


def _addresses(answer: dns.message.Message) -> list[tuple[str, int]]:
    """Return each address with its TTL, behind an alias too."""
    try:
        found: Any = answer.resolve_chaining().answer if isinstance(answer, dns.message.QueryMessage) else None
    except dns.exception.DNSException:
        return []
    return [(one.address, found.ttl) for one in found or ()]


def _unknown(what: str, other: str = "") -> Blocked:
    return Blocked(Reason.NO_ZONE, f"{what}: write `server`{' ' + other if other else ''}")


def _shown(name: dns.name.Name) -> str:
    """Return a name, cut short: what DNS says may be long."""
    return name.to_text(omit_final_dot=True)[:60]
