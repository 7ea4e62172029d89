"""What an authoritative server answers to questions (RFC 1034, 4.3.2) and to signed updates (RFC 2136, RFC 8945)."""

import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from enum import Enum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataset
import dns.rrset
import dns.tsig
import dns.update

from txtproof.rehearsal.zone_data import CNAME, NS, SOA, Contents, ZoneData

LARGEST_UDP = 1232
SMALLEST_UDP = 512
"""What everybody takes, whatever they say (RFC 6891, 6.2.3)."""
LARGEST_TCP = 65535


Place = tuple[dns.name.Name, str]
"""A zone, by its origin, as one address serves it."""


class Trouble(Enum):
    """What can be wrong with an address, for one zone; it goes on answering for the others."""

    SERVFAIL = "answers SERVFAIL to questions about TXT and to updates"
    SILENT = "answers neither questions about TXT nor updates"
    TRUNCATED = "sets TC in every answer over UDP, and leaves the records out"


class Authority:
    """Zones, as each of several addresses serves them: at once, as they were, or not as they should."""

    def __init__(self, zones: Mapping[dns.name.Name, ZoneData], key: dns.tsig.Key, primary: str) -> None:
        self.lock = threading.RLock()
        """To be held by whoever touches a zone."""
        self.zones = zones
        self.lags: dict[Place, float] = {}
        """By how many seconds an address is behind in a zone."""
        self.held: dict[Place, Contents] = {}
        """What an address goes on serving."""
        self.troubles: dict[Place, Trouble] = {}
        self.looks: Counter[Place] = Counter()
        """How often an address was asked over UDP for the TXT set of a name."""
        self._keyring = {key.name: key}
        self._primary = primary

    def answer(self, wire: bytes, address: str, tcp: bool) -> bytes | None:  # noqa: FBT001  # one of two transports
        """Answer one message that came to an address; None where it deserves no answer."""
        try:
            query = self._read(wire)
            if isinstance(query, bytes):
                return query
            if query.flags & dns.flags.QR:
                return None
            response = dns.message.make_response(query, our_payload=LARGEST_UDP)
            with self.lock:
                trouble = self._trouble(query, address, tcp)
                if trouble is Trouble.SILENT:
                    return None
                if trouble is Trouble.SERVFAIL:
                    response.set_rcode(dns.rcode.SERVFAIL)
                elif trouble is Trouble.TRUNCATED:
                    response.flags |= dns.flags.TC
                elif isinstance(query, dns.update.UpdateMessage):
                    response.set_rcode(self._update(query, address))
                else:
                    self._look_up(query, response, address)
            return _fitting(response, LARGEST_TCP if tcp else max(SMALLEST_UDP, min(LARGEST_UDP, query.payload)))
        except dns.exception.DNSException:
            return None

    def _read(self, wire: bytes) -> dns.message.Message | bytes:
        """Return the message; an answer in its place where the signature does not hold."""
        try:
            return dns.message.from_wire(wire, keyring=self._keyring)
        except (dns.message.UnknownTSIGKey, dns.tsig.BadKey, dns.tsig.BadAlgorithm):
            return _unsigned(wire, dns.rcode.BADKEY)
        except dns.tsig.BadSignature:
            return _unsigned(wire, dns.rcode.BADSIG)
        except dns.tsig.BadTime:
            return _unsigned(wire, dns.rcode.BADTIME)

    def _update(self, query: dns.update.UpdateMessage, address: str) -> dns.rcode.Rcode:
        if not query.had_tsig or address != self._primary:
            return dns.rcode.REFUSED
        zone = self.zones.get(query.zone[0].name) if query.zone else None
        return zone.update(query) if zone else dns.rcode.NOTAUTH

    def _look_up(self, query: dns.message.Message, response: dns.message.Message, address: str) -> None:
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        asked = query.question[0]
        zone = self._closest(asked.name)
        if zone is None:
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        contents = self._served(zone, address)
        kinds = contents.get(asked.name, {})
        found = next((kinds[kind] for kind in (asked.rdtype, CNAME) if kind in kinds), None)
        if found is not None:
            _add(response.answer, asked.name, found)
            _add_glue(response, found, contents)
            return
        _add(response.authority, zone.origin, contents[zone.origin][SOA])
        if not any(name.is_subdomain(asked.name) for name in contents):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _trouble(self, query: dns.message.Message, address: str, tcp: bool) -> Trouble | None:  # noqa: FBT001  # as above
        """Say what is wrong with this address for what is asked, and count the looks."""
        update = isinstance(query, dns.update.UpdateMessage)
        asked = (query.zone if isinstance(query, dns.update.UpdateMessage) else query.question)[:1]
        if not asked or not (update or asked[0].rdtype == dns.rdatatype.TXT):
            return None
        self.looks[asked[0].name, address] += not (tcp or update)
        zone = self._closest(asked[0].name)
        trouble = self.troubles.get((zone.origin, address)) if zone else None
        return None if trouble is Trouble.TRUNCATED and (tcp or update) else trouble

    def _closest(self, name: dns.name.Name) -> ZoneData | None:
        # by labels, not by trying every zone: a suite may serve hundreds
        for labels in range(len(name), 0, -1):
            zone = self.zones.get(name.split(labels)[1])
            if zone is not None:
                return zone
        return None

    def _served(self, zone: ZoneData, address: str) -> Contents:
        place = (zone.origin, address)
        return self.held.get(place) or zone.before(self.lags.get(place, 0.0))


def _add(section: list[dns.rrset.RRset], name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> None:
    section.append(dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset)))


def _add_glue(response: dns.message.Message, found: dns.rdataset.Rdataset, contents: Contents) -> None:
    if found.rdtype == NS:
        for target in (rdata.target for rdata in found):
            for glue in contents.get(target, {}).values():
                _add(response.additional, target, glue)


def _fitting(response: dns.message.Message, largest: int) -> bytes:
    """Return the answer's octets; where they are too many for UDP, the question alone with TC (RFC 2181, 9)."""
    try:
        return response.to_wire(max_size=largest)
    except dns.exception.TooBig:
        response.answer, response.authority, response.additional = [], [], []
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=largest)


def _unsigned(wire: bytes, error: dns.rcode.Rcode) -> bytes:
    """Answer NOTAUTH with the TSIG error, unsigned: there is no key to sign with (RFC 8945, 5.2.1, 5.2.2)."""
    query = dns.message.from_wire(wire, keyring=False)
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NOTAUTH)
    head = response.to_wire()
    assert query.tsig is not None, "it was the signature that was wrong"
    tsig = query.tsig[0].replace(mac=b"", error=error, time_signed=int(time.time()))
    record = dns.rrset.from_rdata(query.tsig.name, 0, tsig)
    body = dns.message.Message(query.id)
    body.additional.append(record)
    (additional,) = struct.unpack("!H", head[10:12])
    return head[:10] + struct.pack("!H", additional + 1) + head[12:] + body.to_wire()[12:]
