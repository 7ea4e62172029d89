"""One zone of the rehearsal's name servers: its records, its past, and what an update does to it (RFC 2136, 3)."""

import time
from dataclasses import dataclass, field

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset
import dns.update

Contents = dict[dns.name.Name, dict[dns.rdatatype.RdataType, dns.rdataset.Rdataset]]
IN = dns.rdataclass.IN
SOA, NS, CNAME = dns.rdatatype.SOA, dns.rdatatype.NS, dns.rdatatype.CNAME


@dataclass(frozen=True, slots=True)
class Change:
    """One record that an update added or deleted: a line of the independent ledger."""

    time: float
    """Seconds since 1970."""
    zone: str
    name: str
    kind: str
    """`add` or `delete`."""
    value: bytes = field(repr=False)
    """A TXT value joined; the wire form of anything else."""
    ttl: int


class ZoneData:
    """The records of a zone, and what they were at any time before: a lagging server serves the past."""

    def __init__(self, origin: str, servers: dict[str, str], negative_ttl: int = 60) -> None:
        self.origin = dns.name.from_text(origin)
        self.changes: list[Change] = []
        contents: Contents = {}
        self._past: list[tuple[float, Contents]] = [(0.0, contents)]
        soa = f"ns1.{origin}. hostmaster.{origin}. 1 3600 600 86400 {negative_ttl}"
        _put(contents, self.origin, dns.rdataset.from_text(IN, SOA, 300, soa))
        _put(contents, self.origin, dns.rdataset.from_text(IN, NS, 300, *(f"{one}.{origin}." for one in servers)))
        for one, address in servers.items():
            kind = dns.rdatatype.AAAA if ":" in address else dns.rdatatype.A
            _put(contents, dns.name.from_text(f"{one}.{origin}"), dns.rdataset.from_text(IN, kind, 300, address))

    @property
    def now(self) -> Contents:
        """Return the records as they are."""
        return self._past[-1][1]

    def before(self, seconds: float) -> Contents:
        """Return the records as they were that long ago."""
        instant = time.monotonic() - seconds
        return next(contents for since, contents in reversed(self._past) if since <= instant or not since)

    def put(self, name: str, kind: str, ttl: int, *values: str) -> None:
        """Set a record set from its text form, whatever stood there: how neighbours come in."""
        contents = self._next()
        _put(
            contents, dns.name.from_text(name), dns.rdataset.from_text(IN, dns.rdatatype.from_text(kind), ttl, *values)
        )
        self._keep(contents)

    def clear(self, name: str) -> None:
        """Take away whatever stands at a name: how neighbours go."""
        contents = self._next()
        contents.pop(dns.name.from_text(name), None)
        self._keep(contents)

    def update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        """Apply an update whole or not at all; return the answer's code."""
        failed = _unmet(self.now, message.prerequisite)
        if failed != dns.rcode.NOERROR:
            return failed
        contents = self._next()
        changes: list[Change] = []
        for asked in message.update:
            if not asked.name.is_subdomain(self.origin):
                return dns.rcode.NOTZONE
            changes += self._apply(contents, asked)
        if changes:
            self._keep(contents)
            self.changes += changes
        return dns.rcode.NOERROR

    def snapshot(self) -> list[tuple[str, str, int, str]]:
        """Return every record as (name, type, TTL, text), in order, but for the SOA."""
        return sorted(
            (name.to_text(), dns.rdatatype.to_text(kind), rdataset.ttl, rdata.to_text())
            for name, kinds in self.now.items()
            for kind, rdataset in kinds.items()
            for rdata in rdataset
            if kind != SOA
        )

    def _apply(self, contents: Contents, asked: dns.rrset.RRset) -> list[Change]:
        """Do what one record set of an update section says (RFC 2136, 3.4.2); return what that has changed."""
        if asked.deleting is None:
            return self._add(contents, asked)
        kinds = list(contents.get(asked.name, ())) if asked.rdtype == dns.rdatatype.ANY else [asked.rdtype]
        return [line for kind in kinds for line in self._delete(contents, asked, kind)]

    def _add(self, contents: Contents, asked: dns.rrset.RRset) -> list[Change]:
        kinds = contents.get(asked.name, {})
        # what a CNAME excludes is ignored without a word (RFC 2136, 3.4.2.2)
        excluded = set(kinds) - {CNAME} if asked.rdtype == CNAME else CNAME in kinds
        if excluded or asked.rdtype == SOA:
            return []
        held = kinds.get(asked.rdtype)
        if held is not None and held.ttl == asked.ttl and all(rdata in held for rdata in asked):
            return []
        beside = () if held is None or asked.rdtype == CNAME else held
        _put(contents, asked.name, dns.rdataset.from_rdata_list(asked.ttl, [*beside, *asked]))
        return [self._line("add", asked, rdata) for rdata in asked]

    def _delete(self, contents: Contents, asked: dns.rrset.RRset, kind: dns.rdatatype.RdataType) -> list[Change]:
        kinds = dict(contents.get(asked.name, {}))
        held = kinds.get(kind)
        # without these it would be no zone (RFC 2136, 3.4.2.3, 3.4.2.4)
        if held is None or (asked.name == self.origin and kind in (SOA, NS)):
            return []
        gone = [rdata for rdata in held if asked.deleting == dns.rdataclass.ANY or rdata in asked]
        rest = [rdata for rdata in held if rdata not in gone]
        if rest:
            kinds[kind] = dns.rdataset.from_rdata_list(held.ttl, rest)
        else:
            del kinds[kind]
        contents[asked.name] = kinds
        if not kinds:
            del contents[asked.name]
        return [self._line("delete", asked, rdata) for rdata in gone]

    def _line(self, kind: str, asked: dns.rrset.RRset, rdata: dns.rdata.Rdata) -> Change:
        value = b"".join(rdata.strings) if isinstance(rdata, dns.rdtypes.ANY.TXT.TXT) else rdata.to_wire() or b""
        return Change(time.time(), _plain(self.origin), _plain(asked.name), kind, value, asked.ttl)

    def _next(self) -> Contents:
        """Return a copy to change, with the next serial; what stands at a name is shared until that is changed."""
        contents = dict(self.now)
        soa = contents[self.origin][SOA]
        contents[self.origin] = dict(contents[self.origin])
        contents[self.origin][SOA] = dns.rdataset.from_rdata(soa.ttl, soa[0].replace(serial=soa[0].serial + 1))
        return contents

    def _keep(self, contents: Contents) -> None:
        self._past.append((time.monotonic(), contents))


def _put(contents: Contents, name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> None:
    contents[name] = {**contents.get(name, {}), rdataset.rdtype: rdataset}


def _unmet(contents: Contents, prerequisites: list[dns.rrset.RRset]) -> dns.rcode.Rcode:
    """Say which prerequisite does not hold (RFC 2136, 3.2). The records of one set come one by one (3.2.3)."""
    sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], set[dns.rdata.Rdata]] = {}
    for wanted in prerequisites:
        kinds = contents.get(wanted.name, {})
        anything = wanted.rdtype == dns.rdatatype.ANY
        there = bool(kinds) if anything else wanted.rdtype in kinds
        if wanted.deleting == dns.rdataclass.NONE and there:
            return dns.rcode.YXDOMAIN if anything else dns.rcode.YXRRSET
        if wanted.deleting == dns.rdataclass.ANY and not there:
            return dns.rcode.NXDOMAIN if anything else dns.rcode.NXRRSET
        if wanted.deleting is None:
            sets.setdefault((wanted.name, wanted.rdtype), set()).update(wanted)
    for (name, kind), rdatas in sets.items():
        if set(contents.get(name, {}).get(kind, ())) != rdatas:
            return dns.rcode.NXRRSET
    return dns.rcode.NOERROR


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
