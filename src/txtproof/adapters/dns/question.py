"""The questions for TXT and SOA in octets, and what counts as an answer to it. Pure."""

import re
import struct
from collections.abc import Iterable

from txtproof.adapters.dns_bounds import COUNTS, HEADER

PAYLOAD = 1232
"""EDNS buffer size that needs no fragments (DNS Flag Day 2020)."""
QR, OPCODE, AA, TC, RA, RCODE = 0x8000, 0x7800, 0x0400, 0x0200, 0x0080, 0x000F

_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}", re.ASCII | re.IGNORECASE)
_MOST_CHARACTERS = 253
_ASKED = COUNTS.pack(0, 1, 0, 0, 1)
TXT_IN, SOA_IN = struct.pack("!2H", 16, 1), struct.pack("!2H", 6, 1)
"""Type and class in a question section."""
_LENGTHS = [bytes((count,)) for count in range(64)]
"""Each as the octet before a label (RFC 1035, 3.1)."""
_OPT = struct.pack("!B2HIH", 0, 41, PAYLOAD, 0, 0)
"""RFC 6891, 6.1.2."""
_NSID = struct.pack("!3H", 4, 3, 0)
"""RFC 5001, 2.1: an empty option, after the length of all options."""
_BARE = frozenset({1, 2, 4, 5})
"""FORMERR, SERVFAIL, NOTIMP and REFUSED may come without the question."""


def labels(name: str) -> list[bytes] | None:
    """Return the labels of a name, the root's last; None where it has anything but letters, digits, `-` and `_`."""
    if len(name) > _MOST_CHARACTERS or _NAME.fullmatch(name) is None:
        return None
    return [*name.encode().split(b"."), b""]


def question(name: Iterable[bytes], kind: bytes = TXT_IN) -> bytes:
    """Return the question for what is at a name, given as its labels, as it follows the id; with EDNS."""
    return b"".join((_ASKED, *[_LENGTHS[len(label)] + label for label in name], kind, _OPT))


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
