"""Where to ask: the zone of a name, and the addresses of its name servers.

A resolver is asked for NS, A and AAAA only, and never for the record: an early question for that would plant a
negative answer which hides the record for up to the zone's SOA minimum (RFC 2308, 5).
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from txtproof.adapters.dns import reading
from txtproof.adapters.dns.caches import FAILED_TTL, ExpiringCache, bounded
from txtproof.adapters.dns.resolvers import MOST_ADDRESSES, Addresses, Resolvers
from txtproof.adapters.dns.shared import Shared
from txtproof.adapters.public_addresses import is_public
from txtproof.core.observations import Unseen
from txtproof.core.reasons import Reason

MOST_SERVERS = 13
"""Name servers of one zone whose addresses are looked up, and that are remembered."""
MOST_SILENCES = 2
"""Questions to which no resolver says anything, after which the walk ends."""
SETTING = "TXTPROOF_DNS__ALLOW_PRIVATE_SERVERS"

Glue = Mapping[dns.name.Name, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Server:
    """One address of one name server."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and whom to ask about it; at least one server."""

    origin: dns.name.Name
    servers: tuple[Server, ...]
    text: str
    """The origin, as it is shown."""
    until: float
    """When the delegation is to be looked for anew, on the monotonic clock."""


class Nowhere(Unseen, frozen=True):
    """Resolvers answer, and none knows a zone that the name lies in: no failure that passes by itself."""


@dataclass(frozen=True, slots=True)
class _Delegation:
    origin: dns.name.Name
    names: tuple[dns.name.Name, ...]
    until: float
    glue: Glue = field(default_factory=dict)
    glue_first: bool = False
    """True after a referral: a name inside a zone that was only just heard of is not to be asked of a resolver."""


class Walk:
    """Find zones and their servers, with what earlier walks found."""

    def __init__(self, resolvers: Resolvers, *, allow_private: bool) -> None:
        self._resolvers = resolvers
        self._allow_private = allow_private
        self._zones: ExpiringCache[dns.name.Name, _Delegation | Unseen] = ExpiringCache()
        self._ready: ExpiringCache[str, Zone] = ExpiringCache()
        self._hints: Shared[dns.name.Name, Zone | Unseen | None] = Shared()
        self._glances: Shared[str, Zone | None] = Shared()

    def known(self, name: str) -> Zone | None:
        """Return the zone of a name (lower case, no trailing dot), where that takes no question."""
        return self._ready.get(name)

    async def glanced(self, name: str) -> Zone | None:
        """Find the zone of a name (as `known` has it), where that takes no more than plain answers; else None.

        Mostly it does: its servers are other zones' as well, and their addresses are known.
        """
        return await self._glances.once(name, partial(self._glanced, name))

    async def _glanced(self, name: str) -> Zone | None:
        origin = dns.name.from_text(name)
        remembered = self._zones.get(origin)
        if remembered is not None:
            ready = await self._readied(origin, remembered)
            return ready if isinstance(ready, Zone) else None
        said = await self._resolvers.name_servers(name)
        if said is None:
            return None
        if said.apex:
            return await self._glanced_above(name, name[said.apex :])
        until = time.monotonic() + bounded(said.ttl)
        names = said.names[:MOST_SERVERS]
        each = [(server, self._resolvers.known(server)) for server in names]
        found = [(server, known) for server, known in each if known is not None and known.found]
        servers: dict[str, Server] = {}
        for server, known in found:
            for address in known.found:
                if self._allow_private or is_public(address):
                    servers.setdefault(address, Server(server, address))
        if len(found) < len(names) or not servers:
            if not said.glue:
                # who goes the long way begins with that
                self._remember(origin, _Delegation(origin, tuple(map(dns.name.from_text, names)), until))
            return None
        zone = Zone(origin, tuple(servers.values())[:MOST_ADDRESSES], name, until)
        self._ready.put(name, zone, min(until, *(known.until for _, known in found)) - time.monotonic())
        return zone

    async def _glanced_above(self, name: str, above: str) -> Zone | None:
        """Find the zone that a name lies in which has none of its own."""
        zone = self.known(above) or await self.glanced(above)
        if zone is not None:
            self._ready.put(name, zone, self._ready.left(above))
            return zone
        known = self._zones.get(dns.name.from_text(above))
        if isinstance(known, _Delegation):
            self._remember(dns.name.from_text(name), known)
        return None

    async def zone_of(self, name: dns.name.Name, hint: dns.name.Name | None = None) -> Zone | Unseen:
        """Find the zone that a name lies in: its own NS, or those of the closest name above that has some.

        `hint`: where an earlier walk found them; no name in between is asked for then.
        """
        zone = None if hint is None else await self._hints.once(hint, partial(self._hinted, hint))
        return await self._readied(name, await self._walked(name)) if zone is None else zone

    async def referred(self, message: dns.message.Message, name: dns.name.Name, above: Zone) -> Zone | Unseen | None:
        """Follow a referral to a zone below; None where the message is none."""
        rrset = reading.referral(message, name, above.origin)
        if rrset is None:
            return None
        # who serves the zone above may speak of what is in it, and of nothing else
        names = _names(rrset)
        glue = {owner: found for owner, found in _glue(message, names).items() if owner.is_subdomain(above.origin)}
        found = _Delegation(rrset.name, names, time.monotonic() + bounded(rrset.ttl), glue, glue_first=True)
        zone, _ = await self._staffed(found)
        return zone

    def forget(self, name: dns.name.Name) -> None:
        """Walk anew at the next look: the servers that were remembered did not help."""
        self._ready.drop(reading.plain(name))
        if isinstance(self._zones.get(name), _Delegation):
            self._zones.drop(name)

    async def _hinted(self, origin: dns.name.Name) -> Zone | Unseen | None:
        """Find a zone that rows have; None where it is there no more."""
        known = self._zones.get(origin)
        if known is None:
            known = _delegation(await self._resolvers.ask(origin, dns.rdatatype.NS), origin)
            if known is not None:
                self._remember(origin, known)
        return await self._readied(origin, known) if isinstance(known, _Delegation) else None

    async def _readied(self, near: dns.name.Name, known: _Delegation | Unseen) -> Zone | Unseen:
        """Find the servers of a zone; the next look at a name near it takes no question."""
        if isinstance(known, Unseen):
            return known
        zone, until = await self._staffed(known)
        if isinstance(zone, Zone):
            self._ready.put(reading.plain(near), zone, until - time.monotonic())
        return zone

    async def _walked(self, name: dns.name.Name) -> _Delegation | Unseen:
        known = self._zones.get(name)
        if known is None:
            known = await self._found(name)
            self._remember(name, known)
        return known

    def _remember(self, name: dns.name.Name, found: _Delegation | Unseen) -> None:
        if isinstance(found, Unseen):
            self._zones.put(name, found, FAILED_TTL)
            return
        for each in {name, found.origin}:
            self._zones.put(each, found, found.until - time.monotonic())

    async def _found(self, name: dns.name.Name) -> _Delegation | Unseen:
        silences, answered, failing = 0, False, False
        candidate = name
        while candidate != dns.name.root:
            known = self._zones.get(candidate)
            if isinstance(known, _Delegation) and known.origin == candidate:
                return known
            message = await self._resolvers.ask(candidate, dns.rdatatype.NS)
            delegation = _delegation(message, candidate)
            if delegation is not None:
                return delegation
            silences += message is None
            if silences == MOST_SILENCES:
                break
            answered = answered or message is not None
            failing = failing or message is None or message.rcode() == dns.rcode.SERVFAIL
            # no zone cut here, or SERVFAIL: the zone above can still tell by a referral
            apex = reading.apex(message, candidate) if message is not None else None
            candidate = candidate.parent() if apex in (None, candidate) else apex
        detail = f"no zone was found for {reading.plain(name)}" if answered else "no resolver answers"
        return (Unseen if failing else Nowhere)(Reason.CANNOT_SEE, detail[:200])

    async def _staffed(self, delegation: _Delegation) -> tuple[Zone | Unseen, float]:
        """Return the zone with its servers, and until when they are known."""
        each = await asyncio.gather(*(self._addresses(name, delegation) for name in delegation.names))
        servers: dict[str, Server] = {}
        for name, addresses in zip(delegation.names, each, strict=True):
            for address in addresses.found:
                servers.setdefault(address, Server(reading.plain(name), address))
        allowed = [one for one in servers.values() if self._allow_private or is_public(one.address)]
        until = min((delegation.until, *(one.until for one in each)))
        shown = reading.plain(delegation.origin)
        if allowed:
            return Zone(delegation.origin, tuple(allowed[:MOST_ADDRESSES]), shown, delegation.until), until
        return Unseen(Reason.CANNOT_SEE, _unstaffed(shown, hidden=bool(servers))), until

    async def _addresses(self, name: dns.name.Name, delegation: _Delegation) -> Addresses:
        glue = tuple(delegation.glue.get(name, ()))
        if glue and delegation.glue_first:
            return Addresses(glue, delegation.until)
        asked = await self._resolvers.addresses(name)
        return asked if asked.found else Addresses(glue, asked.until)


def _delegation(message: dns.message.Message | None, origin: dns.name.Name) -> _Delegation | None:
    rrset = reading.name_servers(message, origin) if message is not None else None
    if message is None or rrset is None:
        return None
    names = _names(rrset)
    return _Delegation(origin, names, time.monotonic() + bounded(rrset.ttl), _glue(message, names))


def _names(rrset: dns.rrset.RRset) -> tuple[dns.name.Name, ...]:
    return tuple(reading.targets(rrset)[:MOST_SERVERS])


def _glue(message: dns.message.Message, names: Sequence[dns.name.Name]) -> dict[dns.name.Name, list[str]]:
    found: dict[dns.name.Name, list[str]] = {}
    for owner, _, address in reading.addresses(message.additional):
        if owner in names and len(found.setdefault(owner, [])) < MOST_ADDRESSES:
            found[owner].append(address)
    return found


def _unstaffed(origin: str, *, hidden: bool) -> str:
    if not hidden:
        return f"the name servers of {origin[:80]} have no address"
    return f"the name servers of {origin[:80]} have private addresses only: not asked unless {SETTING}=true"
