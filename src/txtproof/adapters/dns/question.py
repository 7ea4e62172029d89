"""The questions for TXT, SOA and NS in octets, and what counts as an answer to them. Pure."""

import struct
from collections.abc import Iterable

from txtproof.adapters.dns_bounds import COUNTS, HEADER
from txtproof.core.names import MAX_LABEL, MAX_NAME

PAYLOAD = 1232
"""EDNS buffer size that needs no fragments (DNS Flag Day 2020)."""
QR, OPCODE, AA, TC, RD, RA, RCODE = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100, 0x0080, 0x000F

_PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
"""What a name is written with that is put into a question letter by letter."""
_ASKED, _RECURSING = COUNTS.pack(0, 1, 0, 0, 1), COUNTS.pack(RD, 1, 0, 0, 1)
"""What follows the id: to a name server, to a resolver."""
TXT_IN, SOA_IN, NS_IN = (struct.pack("!2H", kind, 1) for kind in (16, 6, 2))
"""Type and class in a question section."""
_LENGTHS = {count: bytes((count,)) for count in range(1, MAX_LABEL + 1)}
"""Each as the octet before a label (RFC 1035, 3.1)."""
_ROOT = bytes(1)
_OPT = struct.pack("!B2HIH", 0, 41, PAYLOAD, 0, 0)
"""RFC 6891, 6.1.2."""
_NSID = struct.pack("!3H", 4, 3, 0)
"""RFC 5001, 2.1: an empty option, after the length of all options."""
_BARE = frozenset({1, 2, 4, 5})
"""FORMERR, SERVFAIL, NOTIMP and REFUSED may come without the question."""


def question(name: Iterable[bytes], kind: bytes = TXT_IN, *, recurse: bool = False) -> bytes:
    """Return the question for what is at a name, given as its labels without the root's, as it follows the id.

    With EDNS; `recurse`: of a resolver. Raises KeyError where a label is empty or too long.
    """
    asked = _RECURSING if recurse else _ASKED
    for label in name:
        asked += _LENGTHS[len(label)] + label
    return asked + _ROOT + kind + _OPT


def question_for(name: str, kind: bytes = TXT_IN, *, recurse: bool = False) -> bytes | None:
    """Return the same for a name in text; None where it has anything but letters, digits, `-` and `_` in its labels."""
    if len(name) > MAX_NAME or not name.isascii():
        return None
    letters = name.encode()
    if letters.translate(None, _PLAIN):
        return None
    try:
        return question(letters.split(b"."), kind, recurse=recurse)
    except KeyError:
        return None


def section(asked: bytes) -> bytes:
    """Return the question section in a question: name, type and class."""
    return asked[COUNTS.size : -len(_OPT)]


def with_nsid(asked: bytes) -> bytes:
    """Return a question that asks the server for its name as well: which of several behind an address it is."""
    return asked[:-2] + _NSID


def is_answer(wire: bytes, asked: bytes) -> bool:
    """Say whether octets answer the question section `asked`, echoed octet by octet (RFC 5452, 9.1)."""
    if len(wire) < HEADER:
        return False
    flags, questions, *_ = COUNTS.unpack_from(wire, 2)
    if flags & (QR | OPCODE) != QR:
        return False
    if questions == 0:
        return flags & RCODE in _BARE
    return questions == 1 and wire.startswith(asked, HEADER)


def is_cut(wire: bytes) -> bool:
    """Return the TC bit of an answer (RFC 1035, 4.1.1)."""
    return bool(wire[2] & TC >> 8)
