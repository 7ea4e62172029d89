"""The plain case, read from the octets: a question for TXT, SOA or NS, and an answer with that at the name, or nothing.

dnspython takes some 200 us to read an answer; most looks of a verification that waits end in one of these. Whatever
is not plain is declined here and read by dnspython: a test holds the two readings against each other. Pure.
"""

import struct

from txtproof.adapters.dns.question import AA, OPCODE, QR, RA, RCODE, SOA_IN, TC
from txtproof.adapters.dns_bounds import COUNTS, HEADER
from txtproof.core.values import Value

_AFTER_NAME = 4
"""Octets of type and class in the question."""
_RECORD = struct.Struct("!2HIH")
"""Of a record, after its owner: type, class, TTL, length of the data."""
_SOA_NUMBERS = struct.Struct("!5I")
_POINTED = struct.Struct("!3HIH")
"""The same after a pointer, which is its owner."""
_POINTING, _OFFSET = 0xC000, 0x3FFF
_AT_QUESTION = b"\xc0\x0c"
"""A pointer to the name in the question (RFC 1035, 4.1.4)."""
_LONGEST_NAME, _LONGEST_LABEL = 255, 63
_HOPS = 4
"""Pointers in one name: more is declined."""
_RCODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}
_KIND = QR | OPCODE | TC
_TELLING = frozenset({0, 3})
"""NOERROR and NXDOMAIN."""
_BARE_OPT = 1 + _RECORD.size
"""Octets of an OPT record without options."""
_OF_HOSTS = b"abcdefghijklmnopqrstuvwxyz0123456789-_"
_LONGEST_TTL = 0x7FFFFFFF
"""RFC 2181, 8."""
_IN, _NS, _SOA, _TXT, _OPT = 1, 2, 6, 16, 41
_ADDRESSES = {1: 4, 28: 16}
"""A and AAAA, and how long they are."""


class Plain(Value, frozen=True):
    """What a plain answer says."""

    rcode: str
    authoritative: bool
    values: tuple[bytes, ...]
    serial: int | None
    """Of the zone, where the answer speaks for it: what is not there has its SOA beside it."""
    recursive: bool = False
    """The RA bit."""
    apex: int | None = None
    """How many octets of the name in question come before the zone's, where that is said: not by a failure."""


class NameServers(Value, frozen=True):
    """Which name servers a zone has, or which zone a name lies in that has none, as a resolver says."""

    names: tuple[str, ...]
    """In lower case, without trailing dot, in the order of names (RFC 4034, 6.1)."""
    ttl: int = 0
    """Seconds."""
    apex: int = 0
    """How many octets of the name in question come before the name of its zone."""
    glue: bool = False
    """There are addresses beside them, which are not read here."""


class _NotPlain(Exception):
    """There is more in it than is read here."""


def read(wire: bytes, asked: bytes) -> Plain | None:
    """Read a plain answer to the question section `asked`; None where it is not plain, or not such an answer."""
    try:
        return _read(wire, asked)
    except (_NotPlain, IndexError, struct.error):
        return None


def _read(wire: bytes, asked: bytes) -> Plain:
    flags, questions, answers, authorities, additions = COUNTS.unpack_from(wire, 2)
    rcode = _RCODES.get(flags & RCODE)
    if flags & _KIND != QR or questions != 1 or rcode is None or not wire.startswith(asked, HEADER):
        raise _NotPlain
    at = HEADER + len(asked)
    values: tuple[bytes, ...] = ()
    serial, apex = None, None
    if answers:
        if asked.endswith(SOA_IN):
            at, serial, apex = _soa(wire, at, answers, last=HEADER)
        else:
            at, values = _texts(wire, at, answers)
        at = _servers(wire, at, authorities)
    elif authorities:
        # more than the SOA, or name servers: that may be a referral
        at, serial, apex = _soa(wire, at, authorities, last=HEADER + len(asked) - _AFTER_NAME - 1)
    if _additional(wire, at, additions) != len(wire):
        raise _NotPlain
    if not flags & AA:
        return Plain(rcode, False, values, None, bool(flags & RA))
    return Plain(rcode, True, values, serial, bool(flags & RA), apex if flags & RCODE in _TELLING else None)


def read_name_servers(wire: bytes, asked: bytes) -> NameServers | None:
    """Read a plain answer to the question section `asked` for NS; None as for the others."""
    try:
        return _read_name_servers(wire, asked)
    except (_NotPlain, IndexError, struct.error):
        return None


def _read_name_servers(wire: bytes, asked: bytes) -> NameServers:
    flags, questions, answers, authorities, additions = COUNTS.unpack_from(wire, 2)
    if flags & _KIND != QR or questions != 1 or not wire.startswith(asked, HEADER):
        raise _NotPlain
    at, names, ttls = HEADER + len(asked), set(), []
    if not answers and flags & RCODE in _TELLING:
        at, _, apex = _soa(wire, at, authorities, last=at - _AFTER_NAME - 2)
        if not apex or _additional(wire, at, additions) != len(wire):
            raise _NotPlain
        return NameServers((), 0, apex)
    if flags & RCODE or not answers:
        raise _NotPlain
    for _ in range(answers):
        pointer, kind, network, ttl, length = _POINTED.unpack_from(wire, at)
        at += _POINTED.size
        if pointer != _POINTING | HEADER or kind != _NS or network != _IN or _end(wire, at) != at + length:
            raise _NotPlain
        names.add(_host(wire, at))
        ttls.append(ttl)
        at += length
    at = _servers(wire, at, authorities)
    if _additional(wire, at, additions) != len(wire) or max(ttls) > _LONGEST_TTL:
        raise _NotPlain
    shown = tuple(b".".join(reversed(one)).decode() for one in sorted(names))
    return NameServers(shown, min(ttls), glue=len(wire) - at > _BARE_OPT)


def _host(wire: bytes, at: int) -> tuple[bytes, ...]:
    """Return the labels of a name that ends, the last one first, in lower case; only what a host's may have."""
    labels = []
    while count := wire[at]:
        if count > _LONGEST_LABEL:
            at = (count << 8 | wire[at + 1]) & _OFFSET
            continue
        label = wire[at + 1 : at + 1 + count].lower()
        if label.translate(None, _OF_HOSTS):
            raise _NotPlain
        labels.append(label)
        at += 1 + count
    if not labels:
        raise _NotPlain
    return tuple(reversed(labels))


def _texts(wire: bytes, at: int, count: int) -> tuple[int, tuple[bytes, ...]]:
    """Return where the TXT records of the name in question end, and their values."""
    # what stands there twice counts once, as in any record set (RFC 2181, 5)
    texts: dict[bytes, None] = {}
    for _ in range(count):
        at, text = _text(wire, at)
        texts[text] = None
    return at, tuple(map(_joined, texts))


def _text(wire: bytes, at: int) -> tuple[int, bytes]:
    """Return where a TXT record of the name in question ends, and its data."""
    if wire[at : at + 2] != _AT_QUESTION:
        raise _NotPlain
    kind, network, _, length = _RECORD.unpack_from(wire, at + 2)
    data = at + 2 + _RECORD.size
    if kind != _TXT or network != _IN or not length:
        raise _NotPlain
    return data + length, wire[data : data + length]


def _joined(data: bytes) -> bytes:
    """Join the character-strings (RFC 1035, 3.3.14)."""
    if data[0] == len(data) - 1:
        return data[1:]
    at, strings = 0, []
    while at < len(data):
        end = at + 1 + data[at]
        strings.append(data[at + 1 : end])
        at = end
    if at != len(data):
        raise _NotPlain
    return b"".join(strings)


def _soa(wire: bytes, at: int, count: int, *, last: int) -> tuple[int, int, int]:
    """Return where a lone SOA ends, its serial, and how much of the name in question comes before its owner.

    It follows the question. Its owner must be an end of the name there, which begins at `last` at the latest.
    """
    pointer, kind, network, _, length = _POINTED.unpack_from(wire, at)
    above, label = pointer & _OFFSET, HEADER
    while label < above:
        label += wire[label] + 1
    if count != 1 or pointer < _POINTING or label != above or above > last or kind != _SOA or network != _IN:
        raise _NotPlain
    data, octets = at + _POINTED.size, at - _AFTER_NAME - above
    numbers = _end(wire, _end(wire, data, pointer, octets), pointer, octets)
    if numbers + _SOA_NUMBERS.size != data + length:
        raise _NotPlain
    return data + length, _SOA_NUMBERS.unpack_from(wire, numbers)[0], above - HEADER


def _servers(wire: bytes, at: int, count: int) -> int:
    """Return where NS records end, which some servers put beside what was asked for."""
    for _ in range(count):
        at = _end(wire, at)
        kind, network, _, length = _RECORD.unpack_from(wire, at)
        at += _RECORD.size
        if kind != _NS or network != _IN or _end(wire, at) != at + length:
            raise _NotPlain
        at += length
    return at


def _additional(wire: bytes, at: int, count: int) -> int:
    """Return where addresses and a bare OPT record end."""
    extended = False
    for _ in range(count):
        owner = at
        at = _end(wire, at) if wire[at] else at + 1
        kind, network, ttl, length = _RECORD.unpack_from(wire, at)
        at += _RECORD.size + length
        if kind == _OPT:
            # options, more of the rcode and another version are not plain (RFC 6891, 6.1.3)
            if extended or wire[owner] or length or ttl >> 16:
                raise _NotPlain
            extended = True
        elif network != _IN or _ADDRESSES.get(kind) != length:
            raise _NotPlain
    return at


def _end(wire: bytes, at: int, known: int = 0, octets: int = 0) -> int:
    """Return where a name ends that leads backwards only, as dnspython wants it (RFC 1035, 4.1.4).

    `known`: a pointer to a name that was read before, and is so many octets long.
    """
    ends, size, hops, limit = 0, 1, 0, len(wire)
    while True:
        start = at
        while 0 < (count := wire[at]) <= _LONGEST_LABEL:
            at += 1 + count
        size += at - start
        if not count:
            if at >= limit or size > _LONGEST_NAME:
                raise _NotPlain
            return ends or at + 1
        if (count << 8 | wire[at + 1]) == known and not hops and size - 1 + octets <= _LONGEST_NAME:
            return at + 2
        hops += 1
        if count < _POINTING >> 8 or at + 2 > limit or hops > _HOPS:
            raise _NotPlain
        ends = ends or at + 2
        # what is led to must end before what led there begins
        at, limit = (count << 8 | wire[at + 1]) & _OFFSET, start
