"""DNS UPDATE (RFC 2136) signed with TSIG (RFC 8945): values are added and deleted one by one, on the server itself.

Old values go and the new one comes in one message, which the server applies whole or not at all (RFC 2136, 3.4). The
message names the TXT set it was made for as a prerequisite (2.4.2, 2.4.3): a set that changed meanwhile refuses it,
and it is made anew. Without that, an add that was made for an empty name could give its TTL to a neighbour's record
which came first: a TTL belongs to the whole set. Where many write at one name, somebody always comes first: after a few
lost races the set need only exist. What remains is a TTL that somebody changes between our reading and our writing: a
prerequisite has no TTL (2.4), so that change is undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import ClassVar

import dns.flags
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.update
from pydantic import SecretStr

from txtproof.adapters.publishers.rfc2136.primary import DNS_PORT, PrimarySearch
from txtproof.adapters.publishers.rfc2136.signed_exchange import Primary, Session, answered
from txtproof.adapters.publishers.rfc2136.tsig_key import check_tsig
from txtproof.core.observations import Blocked, PublishAnswer, Published, Unreachable, WithdrawAnswer, Withdrawn
from txtproof.core.reasons import Reason
from txtproof.ports import Capability

MAX_VALUE = 65_000
"""Bytes; a message over TCP, with its key and its prerequisite, has 65,535 octets (RFC 1035, 4.2.2)."""
MAX_STRING = 255
"""Octets of one character-string (RFC 1035, 3.3)."""
ATTEMPTS = 32
"""How often a change is made because the set had changed; each lost race is another's gain."""
EXACT_ATTEMPTS = 4
"""How many of them, from the first on, want the set exactly as it was read: fifty that all do get nowhere."""


@dataclass(frozen=True, slots=True)
class Rfc2136Options:
    """One primary name server, and the key that may write there."""

    name: str
    zones: tuple[str, ...]
    server: str | None
    """`address:port`, IPv6 in brackets; None: the primary that the zone's SOA names."""
    tsig_name: str
    tsig_secret: SecretStr = field(repr=False)
    """Base64."""
    tsig_algorithm: str = "hmac-sha256"
    call_timeout: timedelta = timedelta(seconds=10)
    """For a whole `ensure_txt`, with all its reads and writes."""
    resolvers: tuple[str, ...] = ()
    """Who is asked for the primary; without any, the system's."""
    allow_private_primary: bool = False
    """Believe DNS that a primary is at a loopback, link-local or private address."""
    primary_port: int = DNS_PORT
    """Of a primary that is found by its zone."""

    def open(self) -> "Rfc2136Publisher":
        """Make the publisher."""
        return Rfc2136Publisher(self)


@dataclass(frozen=True, slots=True)
class _Place:
    zone: str
    name: str

    @property
    def owner(self) -> dns.name.Name:
        return dns.name.from_text(self.name)


@dataclass(frozen=True, slots=True)
class _Set:
    """The TXT set at a name as the server serves it; no TTL where there is none."""

    rdatas: tuple[dns.rdtypes.ANY.TXT.TXT, ...] = ()
    ttl: int | None = None
    alias: str = ""
    """The target, where a CNAME is served there instead."""
    elsewhere: bool = False
    """The name lies in a delegated child: what the zone holds there is never served."""

    def holding(self, values: set[bytes]) -> list[dns.rdtypes.ANY.TXT.TXT]:
        """Return the records with one of these values, however it is cut into strings."""
        return [rdata for rdata in self.rdatas if _joined(rdata) in values]


class Rfc2136Publisher:
    """Port `Publisher`. Raises ValueError where the key cannot be one; see `check_tsig`."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.ATOMIC_SWAP, Capability.PER_VALUE})

    def __init__(self, options: Rfc2136Options) -> None:
        self._key = check_tsig(options.tsig_name, options.tsig_algorithm, options.tsig_secret)
        self._timeout = options.call_timeout.total_seconds()
        self._server = options.server
        self._search = PrimarySearch(
            options.resolvers, allow_private=options.allow_private_primary, port=options.primary_port
        )
        self._primaries: dict[str, Primary] = {}

    async def ensure_txt(
        self, zone: str, name: str, value: bytes, ttl: int, replaces: Sequence[bytes] = ()
    ) -> PublishAnswer:
        """Have the value at the name and none of `replaces`; see the port."""
        if not 0 < len(value) <= MAX_VALUE:
            return Blocked(
                Reason.INVALID_VALUE, f"the value has {len(value)} bytes: a TXT record takes 1 to {MAX_VALUE}"
            )
        call = Session(self._primary(zone))
        return await answered(call, _ensured(call, _Place(zone, name), value, ttl, replaces))

    async def remove_txt(self, zone: str, name: str, value: bytes) -> WithdrawAnswer:
        """Have exactly this value no more at the name; see the port."""
        call = Session(self._primary(zone))
        return await answered(call, _removed(call, _Place(zone, name), value))

    async def read_txt(self, zone: str, name: str) -> Sequence[bytes] | None:
        """Return the values at the name as the primary holds them; None where it cannot be asked."""
        call = Session(self._primary(zone))
        found = await answered(call, _read(call, _Place(zone, name)))
        return [_joined(rdata) for rdata in found.rdatas] if isinstance(found, _Set) else None

    async def name_servers(self, zone: str) -> Sequence[str] | None:
        """Return the names of the zone's name servers as the primary holds them; port `Apex`."""
        call = Session(self._primary(zone))
        found = await answered(call, _name_servers(call, zone))
        return found if isinstance(found, list) else None

    async def aclose(self) -> None:
        """Do nothing: each call has a connection of its own, for as long as it lasts."""

    def _primary(self, zone: str) -> Primary:
        """Return the server for a zone: the configured one, or that which is searched for."""
        known = self._primaries.get(zone)
        if known is None:
            servers = partial(_only, self._server) if self._server else partial(self._search.servers, zone)
            advice = "" if self._server else f": the SOA of {zone[:60]} names it; if it is hidden, write `server`"
            known = self._primaries[zone] = Primary(servers, self._key, self._timeout, advice)
        return known


async def _only(server: str) -> Sequence[str]:
    return (server,)


async def _ensured(call: Session, place: _Place, value: bytes, ttl: int, replaces: Sequence[bytes]) -> PublishAnswer:
    stale = set(replaces) - {value}
    for attempt in range(ATTEMPTS):
        before = await _read(call, place)
        if before.elsewhere:
            return _not_served(place)
        if before.holding({value}) and not before.holding(stale):
            return Published(changed=False)
        if await _written(call, place, before, value, ttl, stale, exact=attempt < EXACT_ATTEMPTS):
            return await _confirmed(call, place, value)
        if before.alias:
            return _is_cname(place, before)
    return Unreachable(Reason.CONFLICT, f"the TXT set at {place.name} changes faster than it can be written"[:200])


async def _written(
    call: Session, place: _Place, before: _Set, value: bytes, ttl: int, stale: set[bytes], *, exact: bool
) -> bool:
    """Send the change; return False where the name is not as it was read."""
    if await call.change(_swap(place, before, value, ttl, stale, exact=exact)):
        return True
    # a wildcard's records are served as if they were the name's own; prerequisites look at the name itself
    return bool(before.rdatas) and await call.change(_swap(place, _Set(), value, ttl, stale))


async def _removed(call: Session, place: _Place, value: bytes) -> WithdrawAnswer:
    before = await _read(call, place)
    ours = before.holding({value})
    if ours:
        update = dns.update.UpdateMessage(place.zone)
        for rdata in ours:
            update.delete(place.owner, rdata)
        await call.change(update)
    return Withdrawn()


async def _name_servers(call: Session, zone: str) -> list[str]:
    origin = dns.name.from_text(zone)
    answer = await call.ask(dns.message.make_query(origin, dns.rdatatype.NS, flags=0))
    found = answer.get_rrset(answer.answer, origin, dns.rdataclass.IN, dns.rdatatype.NS)
    return [rdata.target.to_text(omit_final_dot=True).lower() for rdata in found or ()]


async def _read(call: Session, place: _Place) -> _Set:
    question = dns.message.make_query(place.owner, dns.rdatatype.TXT, flags=0)
    answer = await call.ask(question)
    alias = answer.get_rrset(answer.answer, place.owner, dns.rdataclass.IN, dns.rdatatype.CNAME)
    if alias:
        return _Set(alias=str(alias[0].target).removesuffix("."))
    found = answer.get_rrset(answer.answer, place.owner, dns.rdataclass.IN, dns.rdatatype.TXT)
    if found:
        return _Set(tuple(found), found.ttl)
    # a referral, or the word of the child itself where one server holds both (RFC 2308, 2: the SOA says whose it is)
    origins = {rrset.name for rrset in answer.authority if rrset.rdtype == dns.rdatatype.SOA}
    referred = not answer.flags & dns.flags.AA
    return _Set(elsewhere=referred or bool(origins - {dns.name.from_text(place.zone)}))


def _swap(
    place: _Place, before: _Set, value: bytes, ttl: int, stale: set[bytes], *, exact: bool = True
) -> dns.update.UpdateMessage:
    update = dns.update.UpdateMessage(place.zone)
    if before.rdatas and exact:
        update.present(place.owner, *before.rdatas)
    elif before.rdatas:
        update.present(place.owner, dns.rdatatype.TXT)
    elif before.alias:
        # an alias that stands there refuses this; one that a wildcard makes up gives way (RFC 4592, 2.2.1)
        update.absent(place.owner)
    else:
        update.absent(place.owner, dns.rdatatype.TXT)
    for rdata in before.holding(stale):
        update.delete(place.owner, rdata)
    if not before.holding({value}):
        update.add(place.owner, ttl if before.ttl is None else before.ttl, _rdata(value))
    return update


async def _confirmed(call: Session, place: _Place, value: bytes) -> PublishAnswer:
    """Believe what is served: an update below a delegation, or beside a CNAME, is answered NOERROR and lost."""
    after = await _read(call, place)
    if after.holding({value}):
        return Published(changed=True)
    # nobody would find it there again, so it does not stay
    update = dns.update.UpdateMessage(place.zone)
    update.delete(place.owner, _rdata(value))
    await call.change(update)
    return _is_cname(place, after) if after.alias else _not_served(place)


def _is_cname(place: _Place, found: _Set) -> Blocked:
    return Blocked(Reason.NAME_IS_CNAME, f"{place.name} is a CNAME: {found.alias}"[:200])


def _not_served(place: _Place) -> Blocked:
    return Blocked(Reason.NOT_SERVED, f"the server of {place.zone} does not serve {place.name} from that zone"[:200])


def _rdata(value: bytes) -> dns.rdtypes.ANY.TXT.TXT:
    """Make the record's data from bytes: as text, quotes and backslashes would have a meaning."""
    strings = [value[at : at + MAX_STRING] for at in range(0, len(value), MAX_STRING)]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings)


def _joined(rdata: dns.rdtypes.ANY.TXT.TXT) -> bytes:
    return b"".join(rdata.strings)
