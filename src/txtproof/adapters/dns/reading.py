"""What a message says about a name. Pure; everything in a message may be a lie or a mistake."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rdtypes.ANY.DNAME import DNAME
from dns.rdtypes.ANY.NS import NS
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from txtproof.adapters.dns.datagrams import Silence
from txtproof.adapters.dns.exchange import Reply
from txtproof.adapters.dns.question import is_answer, is_cut
from txtproof.adapters.dns.verdict import Answer
from txtproof.adapters.dns_bounds import is_modest

LONGEST_NODE = 64
"""Octets of a machine's name that are kept."""
MOST_LINKS = 16
"""Aliases followed within one answer."""
LONGEST_ERROR = 240
LONGEST_NAME = 253
"""Characters of a server's name in the evidence: escapes can make it four times as long."""


def at_length(wire: bytes, asked: bytes) -> dns.message.Message | Silence | None:
    """Return the answer that a datagram is to the question section `asked`; None where it is none that is read."""
    if not is_answer(wire, asked):
        return None
    if is_cut(wire):
        return Silence.CUT
    if not is_modest(wire):
        return None
    try:
        return dns.message.from_wire(wire)
    except Exception:  # noqa: BLE001  # strangers feed the parser: whatever it stumbles over was no answer
        return None


def answer(
    server: str,
    address: str,
    reply: Reply,
    name: dns.name.Name,
    target: dns.name.Name | None = None,
) -> Answer:
    """Return what a reply to the TXT question says. `target`: where an alias should lead."""
    message = reply.message
    if message is None:
        return Answer(server, address, reply.took_ms, failure=reply.failure)
    led = alias(message, name)
    return Answer(
        server,
        address,
        reply.took_ms,
        rcode=dns.rcode.to_text(message.rcode()),
        authoritative=is_authoritative(message),
        alias=led is not None,
        leads=led is not None and led == target,
        values=values(message, name),
        serial=serial(message, name),
        recursive=bool(message.flags & dns.flags.RA),
    )


def node(message: dns.message.Message | None) -> str:
    """Return the name that a machine gives itself, as text or in hex (NSID, RFC 5001)."""
    options = () if message is None else message.options
    found = next((one.nsid for one in options if isinstance(one, dns.edns.NSIDOption)), b"")[:LONGEST_NODE]
    return found.decode() if found.isascii() and found.decode().isprintable() else found.hex()


def is_authoritative(message: dns.message.Message) -> bool:
    """Return the AA bit (RFC 1035, 4.1.1)."""
    return bool(message.flags & dns.flags.AA)


def values(message: dns.message.Message, name: dns.name.Name) -> tuple[bytes, ...]:
    """Return the TXT values at the name itself, each with its character-strings joined (RFC 1035, 3.3.14).

    What stands behind an alias does not count: AA speaks for the first name of an answer only (RFC 1035, 4.1.1).
    """
    return tuple(
        b"".join(rdata.strings)
        for rrset in _sets(message.answer, dns.rdatatype.TXT)
        if rrset.name == name
        for rdata in rrset
        if isinstance(rdata, TXT)
    )


def values_at_end(message: dns.message.Message, name: dns.name.Name) -> tuple[bytes, ...]:
    """Return the TXT values where a resolver says that the name leads by its aliases."""
    for _ in range(MOST_LINKS):
        target = alias(message, name)
        if target is None:
            break
        name = target
    return values(message, name)


def remembered(message: dns.message.Message) -> timedelta | None:
    """Return for how long a resolver will give this answer: its TTLs, or those of what is not there (RFC 2308, 5)."""
    ttls = [rrset.ttl for rrset in message.answer]
    if not any(_sets(message.answer, dns.rdatatype.TXT)):
        for rrset in _sets(message.authority, dns.rdatatype.SOA):
            ttls += [rrset.ttl, rrset[0].minimum] if isinstance(rrset[0], SOA) else []
    return timedelta(seconds=min(ttls)) if ttls else None


def errors(message: dns.message.Message) -> str:
    """Return the extended DNS errors in words (RFC 8914, 2)."""
    found = (one for one in message.options if isinstance(one, dns.edns.EDEOption))
    words = ((dns.edns.EDECode.to_text(one.code).lower().replace("_", " "), one.text) for one in found)
    return "; ".join(f"{kind} ({text})" if text else kind for kind, text in words)[:LONGEST_ERROR]


def alias(message: dns.message.Message, name: dns.name.Name) -> dns.name.Name | None:
    """Return where the name leads by its CNAME, or by a DNAME above it whose CNAME was left out (RFC 6672, 3.1)."""
    for rrset in _sets(message.answer, dns.rdatatype.CNAME):
        if rrset.name == name and isinstance(rrset[0], CNAME):
            return rrset[0].target
    for rrset in _sets(message.answer, dns.rdatatype.DNAME):
        if name != rrset.name and name.is_subdomain(rrset.name) and isinstance(rrset[0], DNAME):
            try:
                return name.relativize(rrset.name).concatenate(rrset[0].target)
            except dns.name.NameTooLong:
                return None
    return None


def referral(message: dns.message.Message, name: dns.name.Name, origin: dns.name.Name) -> dns.rrset.RRset | None:
    """Return the NS set of the zone below `origin` to which a server sends on (RFC 1034, 4.3.2, step 3b).

    Sideways and upwards leads nowhere; some servers set AA here, so that it is not looked at.
    """
    if message.rcode() != dns.rcode.NOERROR or message.answer or any(_sets(message.authority, dns.rdatatype.SOA)):
        return None
    below = (
        rrset
        for rrset in _sets(message.authority, dns.rdatatype.NS)
        if name.is_subdomain(rrset.name) and rrset.name != origin and rrset.name.is_subdomain(origin)
    )
    return next(below, None)


def serial(message: dns.message.Message | None, name: dns.name.Name) -> int | None:
    """Return the SOA serial of the zone that the name is in, where the message speaks for that zone."""
    if message is None or not is_authoritative(message):
        return None
    for section in (message.answer, message.authority):
        for rrset in _sets(section, dns.rdatatype.SOA):
            if name.is_subdomain(rrset.name) and isinstance(rrset[0], SOA):
                return rrset[0].serial
    return None


def apex(message: dns.message.Message, name: dns.name.Name) -> dns.name.Name | None:
    """Return the zone that speaks of a name which has nothing of the kind: its SOA stands beside (RFC 2308, 2)."""
    if message.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return None
    owners = (one.name for one in _sets(message.authority, dns.rdatatype.SOA) if name.is_subdomain(one.name))
    return max(owners, key=len, default=None)


def name_servers(message: dns.message.Message, name: dns.name.Name) -> dns.rrset.RRset | None:
    """Return the NS set of exactly this name, as a resolver, or a server that sends on, gives it."""
    if message.rcode() != dns.rcode.NOERROR:
        return None
    sections = (message.answer, message.authority)
    return next(
        (rrset for part in sections for rrset in _sets(part, dns.rdatatype.NS) if rrset.name == name),
        None,
    )


def targets(rrset: dns.rrset.RRset) -> list[dns.name.Name]:
    """Return the names in an NS set, in order."""
    return sorted(rdata.target for rdata in rrset if isinstance(rdata, NS))


def addresses(section: Iterable[dns.rrset.RRset]) -> Iterator[tuple[dns.name.Name, int, str]]:
    """Go through the addresses in a section: owner, TTL in seconds, address."""
    for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
        for rrset in _sets(section, kind):
            for rdata in rrset:
                if isinstance(rdata, A | AAAA):
                    yield rrset.name, rrset.ttl, rdata.address


def plain(name: dns.name.Name) -> str:
    """Return a name as it is shown: lower case, no trailing dot, nothing unprintable, and not too long."""
    return name.to_text(omit_final_dot=True).lower()[:LONGEST_NAME]


def _sets(section: Iterable[dns.rrset.RRset], kind: dns.rdatatype.RdataType) -> Iterator[dns.rrset.RRset]:
    return (one for one in section if one.rdtype == kind and one.rdclass == dns.rdataclass.IN and len(one) > 0)
